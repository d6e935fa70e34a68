"""The model card of a pretrained model: data, training, measured numbers, limits."""

from __future__ import annotations

from typing import Any, NamedTuple

from tfwolf.core.choices import UNIFORM
from tfwolf.models.wolf import Wolf


class Origin(NamedTuple):
    """Where a model comes from, for its card.

    Attributes:
        command: that trained it, or '' if it is not known.
        time: how long and on what it was trained, such as '3 h on 2 CPU cores', or ''.
        data: the images and their license; '' for what is known of the data set.
    """

    command: str = ''
    time: str = ''
    data: str = ''


# Name of a data set -> what it is and under which terms it may be used.
DATA = {
    'digits': (
        'The 1,797 handwritten digits of scikit-learn, 8 x 8 pixels, from "Optical Recognition '
        'of Handwritten Digits" (E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, '
        '1998), license CC BY 4.0.'
    ),
    'cifar10': (
        'CIFAR-10, 60,000 photographs of 32 x 32 pixels in ten classes (A. Krizhevsky, "Learning '
        'Multiple Layers of Features from Tiny Images", 2009). Its authors ask to cite this '
        'report and state no license; the photographs were collected from the web, and their '
        'rights remain with their owners.'
    ),
}


def model_card(
    name: str, model: Wolf, num_parameters: int, evaluation: dict[str, Any], origin: Origin
) -> str:
    """Return the model card as Markdown.

    Args:
        name: of the pretrained model.
        model: the `Wolf`.
        num_parameters: number of its trained weights.
        evaluation: its `evaluation.json`.
        origin: where it comes from.
    """
    height, width, channels = model.image_shape
    found, dataset = evaluation, evaluation['dataset']
    latent = f'z of {model.latent.dim} dimensions and ' if model.latent.has_z else ''
    bits, error = found['bits_per_dim'], found['bits_per_dim_stderr']
    reconstruction = found['reconstruction']
    weighted = (
        {
            f'bits/dim, importance-weighted, K = {found["num_samples"]}': (
                f'{found["bits_per_dim_iwae"]:.4f}'
            )
        }
        if found['num_samples'] > 1
        else {}
    )
    kind = found.get('dequantization', UNIFORM)
    rows = {
        f'bits/dim (upper bound, {kind} dequantization)': f'{bits:.4f} ± {error:.4f}',
        **weighted,
        'KL of z': f'{found["kl_nats"]:.2f} nats',
        'images that decode(encode(x)) changes': (
            f'{reconstruction["num_not_exact"]} of {reconstruction["num_images"]}'
        ),
        'samples that are not finite': ', '.join(
            f'{share:.0%} at temperature {temperature}'
            for temperature, share in found['non_finite_samples'].items()
        ),
    }
    table = '\n'.join(f'| {title} | {value} |' for title, value in rows.items())
    lasted = f' It took {origin.time}.' if origin.time else ''
    trained = (
        f'{found["step"]:,} steps.{lasted}\n\n```bash\n{origin.command}\n```'
        if origin.command
        else f'{found["step"]:,} steps.{lasted}'
    )
    averages = ' They are averages over training steps.' if found['averaged'] else ''
    return f"""---
library_name: tfwolf
license: apache-2.0
datasets:
- {dataset}
tags:
- normalizing-flow
- image-generation
- representation-learning
---

# {name}

A flow with a global latent (Wolf) for images of {height} x {width} pixels with {channels} \
channel{'s' if channels > 1 else ''} at {model.num_bits} bits: {num_parameters:,} parameters, \
{latent}v of the image's shape.

![Samples at temperature {found['samples_temperature']}](samples.png)

```python
import tfwolf

run = tfwolf.load('pretrained:{name}')
images = run.model.sample(16, seed=0)
```

```bash
tfwolf sample --pretrained={name}
tfwolf explore --pretrained={name}
```

## Data

{origin.data or DATA.get(dataset, f'{dataset}.')} The configuration is in `config.gin`; the model \
was trained on the training split alone.

## Training

{trained}

The weights are stored in half precision (`weights.npz`).{averages}

## Measured

The numbers are of the stored weights, after rounding, on {found['num_images']:,} images of \
{dataset}, {found['split']} split. `{found['command']}` measures them again.

| | |
|---|---|
{table}

## Limits

- A small model that was trained for a short time: it shows what z and v hold, and is far from \
the best likelihood or samples.
- Only images of {width} x {height} pixels; others have to be cropped and resized first.
- The likelihood is that of low-level statistics. Simple or blurred images of another kind can \
score better than images like those of training.
- Samples follow the training images with all their biases. At temperature 1 some can look broken.
- z and v of an image give the image back exactly: they do not anonymize it.
"""
