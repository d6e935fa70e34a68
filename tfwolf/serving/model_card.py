"""The card of an exported model: what it is, what it was made from, how good it is, and what it is
not for.
"""

from __future__ import annotations

import json
import os
from typing import Any

from tfwolf.models.wolf import Wolf
from tfwolf.serving.verification import Difference
from tfwolf.training import run_directory


def model_card(
    model: Wolf,
    parameters: int,
    provenance: dict[str, Any],
    train_dir: str,
    config: str,
    differences: list[Difference] | None,
) -> str:
    """Returns the model card as Markdown.

    Args:
        model: the `Wolf`.
        parameters: number of its trained weights.
        provenance: dict with `checkpoint`, `checkpoint_sha256`, `weights`, `weights_sha256` and
            `versions`.
        train_dir: folder of the run, with the results of `tfwolf.evaluate` if it was evaluated.
        config: text of its configuration.
        differences: list of `Difference` from the checkpoint, or None if the export was not
            verified.
    """
    height, width, channels = model.image_shape
    latent = f'z of {model.latent.dim} dimensions, and ' if model.latent.has_z else ''
    return f"""# Model card

A tfwolf model of {height} x {width} images with {channels} channels at {model.num_bits} bits, {parameters:,} parameters. It turns an
image into {latent}v of the image's shape, and back exactly. `signatures.json` says what can be asked of it and `examples/` how.

| | |
|---|---|
| run | `{os.path.basename(os.path.abspath(train_dir))}`, {provenance['checkpoint']}, {provenance['weights']} weights |
| SHA-256 of the exported weights | `{provenance['weights_sha256']}` |
| SHA-256 of the checkpoint's index | `{provenance['checkpoint_sha256']}` |
| made with | {', '.join(f'{name} {version}' for name, version in provenance['versions'].items())} |

## Measured

{_results(train_dir, provenance)}

{_verified(differences)}

## Intended use

Encoding images of the kind that it was trained on, drawing new ones, mixing two, and telling unusual ones by their likelihood, in research and
in demonstrations.

## Limits

- Only images of {width} x {height} pixels; others have to be cropped and resized before.
- The likelihood is that of low-level statistics: simple or blurred images of another kind can score better than the training images. It is
  no proof that an image is genuine or familiar.
- Samples follow the training images with all their biases. A sample at temperature 1 of a model that was trained shortly can look broken.
- z and v of an image give the image back exactly: they are no anonymous form of it.

## Configuration

```
{config.strip()}
```
"""


def _results(train_dir, provenance):
    path = os.path.join(train_dir, run_directory.EVALUATION)
    if not os.path.isfile(path):
        return 'Nothing yet: the run was not evaluated (`python -m tfwolf.evaluate --train_dir=...`) before it was exported.'
    with open(path, encoding='utf-8') as file:
        result = json.load(file)
    if (result.get('checkpoint_sha256'), result.get('weights', 'raw')) != (
        provenance['checkpoint_sha256'],
        provenance['weights'],
    ):
        return (
            "Nothing of these weights: the evaluation in the run's folder is of "
            f'{result.get("checkpoint")}, '
            f'{result.get("weights", "raw")} weights.'
        )
    rows = [
        (
            'bits/dim, a bound' if 'kl_nats' in result and result['kl_nats'] else 'bits/dim',
            result['bits_per_dim'],
            result['bits_per_dim_stderr'],
        ),
        ('bits/dim, importance-weighted', result['bits_per_dim_iwae'], None),
    ]
    lines = '\n'.join(
        f'| {name} | {_number(value)}{"" if error is None else f" ± {_number(error)}"} |'
        for name, value, error in rows
    )
    name = ' '.join(filter(None, (result['dataset'], result.get('dataset_version'))))
    return (
        f'On {result["num_images"]:,} images of {name}, {result["split"]} split, with K = '
        f'{result["num_samples"]} draws of the noise per '
        f'image (`python -m tfwolf.evaluate --num_samples={result["num_samples"]}`):\n\n'
        f'| | |\n|---|---|\n{lines}'
    )


def _verified(differences):
    if differences is None:
        return 'The export was **not** compared with the checkpoint (`--noverify`).'
    floats = max((found.value for found in differences if found.bound < 1e-4), default=0.0)
    pixels = max((found.value for found in differences if found.bound >= 1e-4), default=0.0)
    return (
        'Before it was published every signature was called, in a fresh process through '
        "TensorFlow's C API, and compared with the "
        f'checkpoint: numbers differ by at most {floats:.1e} (|a - b| / max(1, max|b|)), and '
        f'{100 * pixels:.2g} % of the colour values by one '
        'level.'
    )


def _number(value):
    return 'not finite' if value is None else f'{value:.4f}'
