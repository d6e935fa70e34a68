"""The model card of an exported model: what it is, how good it is, and how to use it."""

from __future__ import annotations

import os
import shutil
from typing import Any

from tfwolf.core.choices import UNIFORM, VARIATIONAL
from tfwolf.models.arithmetic import arithmetic
from tfwolf.models.wolf import Wolf
from tfwolf.serving.card_metadata import dataset_title, metadata
from tfwolf.serving.run_evaluation import RunEvaluation, read_evaluation
from tfwolf.serving.template_files import fill
from tfwolf.serving.verification import Difference
from tfwolf.training.weights_origin import describe_origin

PICTURE = 'samples.png'


def model_card(
    model: Wolf,
    parameters: int,
    provenance: dict[str, Any],
    train_dir: str,
    config: str,
    differences: list[Difference] | None,
    model_name: str = 'wolf',
    has_picture: bool = False,
) -> str:
    """Return the model card as Markdown, with metadata for model hubs.

    Args:
        model: the `Wolf`.
        parameters: number of its trainable weights.
        provenance: dict with `checkpoint`, `checkpoint_sha256`, `weights`, `weights_sha256`,
            `versions` and, if the run was started from other weights, `initialized_from`.
        train_dir: folder of the run, with the results of `tfwolf.evaluate` if it was evaluated.
        config: text of its configuration.
        differences: list of `Difference` from the checkpoint; None if the export was not verified.
        model_name: name of the model on the server.
        has_picture: whether samples.png is next to the card.
    """
    height, width, channels = model.image_shape
    evaluation = read_evaluation(train_dir, provenance)
    of_export = evaluation.result if evaluation and evaluation.is_of_export else None
    versions = provenance['versions'].items()
    return fill(
        'model_card.md',
        metadata=metadata(model_name, config, of_export),
        title=model_name,
        picture=f'\n![Samples at the end of training]({PICTURE})\n' if has_picture else '',
        height=height,
        width=width,
        channels='1 channel' if channels == 1 else f'{channels} channels',
        num_bits='1 bit' if model.num_bits == 1 else f'{model.num_bits} bits',
        parameters=f'{parameters:,}',
        latent=f'z of {model.latent.dim} dimensions and v of the shape of the image'
        if model.latent.has_z
        else 'v of the shape of the image',
        code='z and v' if model.latent.has_z else 'v',
        run=os.path.basename(os.path.abspath(train_dir)),
        checkpoint=provenance['checkpoint'],
        origin=_origin(provenance),
        weights=provenance['weights'],
        arithmetic=arithmetic(model),
        weights_sha256=provenance['weights_sha256'],
        checkpoint_sha256=provenance['checkpoint_sha256'],
        versions=', '.join(f'{name} {version}' for name, version in versions),
        model_name=model_name,
        sample_labels=', labels=[0] * 8' if model.latent.needs_labels else '',
        evaluation=_evaluation(evaluation, provenance),
        verification=_verification(differences),
        configuration=config.strip(),
    )


def copy_picture(train_dir: str, folder: str) -> bool:
    """Copy the samples that training drew last into a folder; return whether there are any."""
    path = os.path.join(train_dir, PICTURE)
    if not os.path.isfile(path):
        return False
    shutil.copyfile(path, os.path.join(folder, PICTURE))
    return True


def _evaluation(evaluation: RunEvaluation | None, provenance: dict[str, Any]) -> str:
    if evaluation is None:
        return (
            'The run was not evaluated before the export. Evaluate it with '
            '`tfwolf evaluate --train_dir=...` and export it again.'
        )
    result = evaluation.result
    note = ''
    if not evaluation.is_of_export:
        note = (
            f'**These numbers are not of the exported weights.** They are of the checkpoint '
            f'`{result.get("checkpoint")}`, {result["weights"]} weights, of the same run. The '
            f'export is of `{provenance["checkpoint"]}`, {provenance["weights"]} weights.\n\n'
        )
    # Older results do not say it.
    networks = f', networks in {result["arithmetic"]}' if 'arithmetic' in result else ''
    rows = '\n'.join(f'| {name} | {value} |' for name, value in _rows(result))
    return (
        f'{note}On {result["num_images"]:,} images of {dataset_title(result)}, '
        f'{result["split"]} split, with {result["num_samples"]} noise samples per image'
        f'{networks}:\n\n'
        f'| measure | value |\n|---|---|\n{rows}'
    )


def _rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    has_kl = bool(result.get('kl_nats'))
    kind = result.get('dequantization', UNIFORM)
    bound = ', upper bound' if has_kl or kind == VARIATIONAL else ''
    rows = [
        (
            f'bits per dimension{bound}, {kind} dequantization',
            f'{_number(result["bits_per_dim"])} ± {_number(result["bits_per_dim_stderr"])} '
            '(standard error)',
        ),
        (
            f'bits per dimension, importance-weighted bound (K = {result["num_samples"]})',
            _number(result['bits_per_dim_iwae']),
        ),
    ]
    if has_kl:
        rows.append(('KL of z, in nats', _number(result['kl_nats'])))
    if result.get('num_not_finite'):
        rows.append(('images whose likelihood is not finite', f'{result["num_not_finite"]:,}'))
    if exact := result.get('reconstruction'):
        count = exact['num_images']
        rows.append(
            ('images reconstructed exactly', f'{count - exact["num_not_exact"]:,} of {count:,}')
        )
    if shares := result.get('non_finite_samples'):
        text = ', '.join(
            f'{100 * share:.2g} % at temperature {temperature}'
            for temperature, share in shares.items()
        )
        rows.append(('samples that are not finite', text))
    return rows


def _verification(differences: list[Difference] | None) -> str:
    if differences is None:
        return 'The export was **not** compared with the checkpoint (`--noverify`).'
    floats = max((found.value for found in differences if found.bound < 1e-4), default=0.0)
    pixels = max((found.value for found in differences if found.bound >= 1e-4), default=0.0)
    return (
        "Every signature was called in a fresh process through TensorFlow's C API and compared "
        f'with the checkpoint: numbers differ by at most {floats:.1e} '
        f'(max|a - b| / max(1, max|b|)), and {100 * pixels:.2g} % of the color values by one '
        'level.'
    )


def _origin(provenance: dict[str, Any]) -> str:
    """Return a row on the first weights of the run, '' if they were initialized."""
    origin = provenance.get('initialized_from')
    return f'\n| trained from | {describe_origin(origin)} |' if origin else ''


def _number(value: float | None) -> str:
    return 'not finite' if value is None else f'{value:.4f}'
