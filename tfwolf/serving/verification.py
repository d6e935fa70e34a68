"""Verifies an export against its checkpoint.

Every signature is called through TensorFlow's C API in a fresh process, and its outputs compared.
"""

from __future__ import annotations

import io
import pathlib
import pickle
import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tfwolf.models.wolf import Wolf
from tfwolf.serving.examples import example_inputs
from tfwolf.serving.signatures import Signatures

BATCH_SIZES = (1, 3)
# -I leaves out the working directory and PYTHONPATH: only the folder of this file can be imported.
CHILD = [
    sys.executable,
    '-I',
    '-c',
    'import sys; sys.path.insert(0, sys.argv.pop(1)); from serving.c_api import main; main()',
    str(pathlib.Path(__file__).resolve().parents[1]),
]
FLOAT_TOLERANCE = 1e-5
# Color values may be rounded the other way, one level apart: this share of them, but at least one.
LEVELS, SHARE_OF_PIXELS = 1, 1e-3
# Name of a signature, its inputs and its outputs.
Expected = tuple[str, dict[str, Any], dict[str, np.ndarray]]


class Difference(NamedTuple):
    """Difference between an output of an exported signature and that of the checkpoint.

    Attributes:
        signature, output: names.
        batch_size: of the call.
        value: max|a - b| / max(1, max|b|) of floats; share of values that differ of images and
            flags.
        levels: largest difference of a color value of images, else 0.
        bound: largest valid `value`.
        is_of_images: whether the output is images.
    """

    signature: str
    output: str
    batch_size: int
    value: float
    levels: int
    bound: float
    is_of_images: bool = False

    @property
    def is_good(self) -> bool:
        """Whether the difference is within the bounds."""
        return self.value <= self.bound and self.levels <= LEVELS

    def __str__(self) -> str:
        return (
            f'{self.signature}.{self.output}, batch {self.batch_size}: {self.value:.2g} (bound '
            f'{self.bound:.0e})'
            + (f', by {self.levels} levels (bound {LEVELS})' if self.levels else '')
        )


def expected_results(model: Wolf, signatures: Signatures, seed: int = 0) -> list[Expected]:
    """Return `[(signature, inputs, outputs), ...]` of the checkpoint, for one image and for three.

    Args:
        model: the restored `Wolf`, not frozen.
        signatures: its `Signatures`.
        seed: integer, for the inputs.
    """
    expected = []
    for batch_size in BATCH_SIZES:
        for name, inputs in example_inputs(model, signatures, batch_size, seed).items():
            expected.append((name, inputs, signatures.all[name](inputs)))
    return expected


def differences(folder: str, expected: list[Expected]) -> list[Difference]:
    """Call every signature of an exported model in a fresh process and compare the outputs.

    The process uses neither this project nor TensorFlow's Python.

    Args:
        folder: folder of the SavedModel.
        expected: result of `expected_results`.

    Returns:
        list of `Difference`, one for every output of every call.

    Raises:
        RuntimeError: if the model cannot be loaded or called.
    """
    requests = pickle.dumps([(name, inputs) for name, inputs, _ in expected])
    child = subprocess.run([*CHILD, str(folder)], input=requests, capture_output=True, check=False)
    if child.returncode:
        lines = child.stderr.decode(errors='replace').strip().splitlines() or [
            f'exit code {child.returncode}'
        ]
        raise RuntimeError(f'The exported model cannot be loaded or called: {lines[-1]}')
    found = []
    for (name, _, outputs), results in zip(expected, pickle.loads(child.stdout), strict=True):
        found += [difference(name, key, outputs[key], results[key]) for key in outputs]
    return found


def check(folder: str, expected: list[Expected]) -> list[Difference]:
    """Return the `differences` of an exported model.

    Raises:
        RuntimeError: if a difference exceeds its bound, or the model cannot be used.
    """
    return check_differences(differences(folder, expected))


def check_differences(found: list[Difference]) -> list[Difference]:
    """Return differences that are all within their bounds.

    Raises:
        RuntimeError: if one is not.
    """
    if bad := [str(difference) for difference in found if not difference.is_good]:
        raise RuntimeError(
            'The exported model differs from the checkpoint; nothing was published.\n'
            + '\n'.join(bad)
        )
    return found


def difference(signature: str, output: str, expected: np.ndarray, found: np.ndarray) -> Difference:
    """Return the `Difference` between an output and the expected one.

    Args:
        signature, output: names.
        expected: array. Bytes are compared as the images in the files.
        found: array of the exported model.
    """
    batch_size = len(expected)
    if expected.dtype == np.object_:
        expected, found = (
            np.stack([np.asarray(Image.open(io.BytesIO(content))) for content in array])
            for array in (expected, found)
        )
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return Difference(signature, output, batch_size, np.inf, 0, 0.0)
    gap = np.abs(expected.astype(np.float64) - found)
    if expected.dtype == np.uint8:
        share, bound = float(np.mean(gap > 0)), max(SHARE_OF_PIXELS, 1 / gap.size)
        return Difference(signature, output, batch_size, share, int(gap.max()), bound, True)
    if expected.dtype == np.bool_:
        return Difference(signature, output, batch_size, float(np.mean(gap)), 0, 0.0)
    value = float(np.max(gap) / max(1.0, np.max(np.abs(expected))))
    return Difference(
        signature, output, batch_size, value if np.isfinite(value) else np.inf, 0, FLOAT_TOLERANCE
    )
