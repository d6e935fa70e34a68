"""Inputs and outputs of the reference for one model, read from files with a common prefix."""

from __future__ import annotations

import json
import os

import numpy as np


class Fixture:
    """The files `PREFIX.json`, `PREFIX.weights.npz`, `PREFIX.io.npz` and `PREFIX.trajectory.npz`.

    The last one is optional.

    Args:
        prefix: path up to the first of these extensions.

    Attributes:
        configuration: the model in the reference's JSON layout.
        num_parameters: number of trainable parameters, or None.
        gradient_norms: `{name: L2 norm of the gradient of the mean training loss}`.
        io: `{key: array}`, inputs, noise and outputs.
        trajectory: `{key: array}`, empty if there is no trajectory.
        weights_path: path of the weights.

    Raises:
        ValueError: if a file is missing or cannot be read.
    """

    def __init__(self, prefix: str | os.PathLike) -> None:
        prefix = str(prefix)
        missing = [
            prefix + ending
            for ending in ('.json', '.weights.npz', '.io.npz')
            if not os.path.exists(prefix + ending)
        ]
        if missing:
            raise ValueError(f'The fixture {prefix} is incomplete; missing: {", ".join(missing)}.')
        try:
            with open(f'{prefix}.json', encoding='utf-8') as file:
                values = json.load(file)
            self.configuration = values['config']
            self.num_parameters = values.get('params')
            self.gradient_norms = values.get('grad_norm', {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f'{prefix}.json must be a JSON object with the key `config`: {error!r}.'
            ) from error
        self.io = _arrays(f'{prefix}.io.npz')
        for key in ('images', 'n_bits', self.noise_key):
            if key not in self.io:
                raise ValueError(f'{prefix}.io.npz must contain the array {key!r}; it is missing.')
        trajectory = f'{prefix}.trajectory.npz'
        self.trajectory = _arrays(trajectory) if os.path.exists(trajectory) else {}
        self.weights_path = f'{prefix}.weights.npz'

    @property
    def noise_key(self) -> str:
        """Key of the dequantizer's random numbers."""
        dequantizer = self.configuration.get('dequantizer') or {}
        return 'dequant_epsilon' if dequantizer.get('type') == 'flow' else 'dequant_noise'

    @property
    def num_bits(self) -> int:
        """Bits per color value."""
        return int(self.io['n_bits'])

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the images."""
        return tuple(self.io['images'].shape[1:3])


def _arrays(path):
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise ValueError(f'{path} cannot be read as .npz: {error}') from error
