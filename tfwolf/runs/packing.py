"""Make a pretrained model from a run: weights in half precision, measured, with a model card."""

from __future__ import annotations

import math
import os
import shutil
import tempfile

import numpy as np

from tfwolf.analysis.coder import Coder
from tfwolf.analysis.sampling import draw_samples
from tfwolf.core import files
from tfwolf.core.variables import count_parameters
from tfwolf.evaluation.evaluators import NumericalChecks
from tfwolf.pictures.grids import image_grid, marked, write_png
from tfwolf.runs.config_text import bindings, read_config
from tfwolf.runs.environment import Environment
from tfwolf.runs.packed_run import round_weights, save_weights
from tfwolf.runs.pretrained_card import Origin, model_card
from tfwolf.runs.pretrained_names import WEIGHTS
from tfwolf.runs.run import Run, load
from tfwolf.training import run_directory
from tfwolf.training.averages import AVERAGED

SAMPLES, CARD = 'samples.png', 'README.md'
CONTENT = {run_directory.CONFIG, WEIGHTS, run_directory.EVALUATION, SAMPLES, CARD}
NUM_PICTURED = 64
SAMPLES_TEMPERATURE = 0.8
# What a user of the model needs to know of its evaluation.
KEPT = (
    'dataset',
    'dataset_version',
    'split',
    'data_fingerprint',
    'num_images',
    'num_samples',
    'seed',
    'bits_per_dim',
    'bits_per_dim_stderr',
    'bits_per_dim_interval_95',
    'bits_per_dim_iwae',
    'iwae_gap_bits_per_dim',
    'nll_nats',
    'reconstruction_nats',
    'kl_nats',
    'dequantization_nats',
    'dequantizer_nats',
    'dequantization',
    'num_not_finite',
    'reconstruction',
    'non_finite_samples',
    'versions',
)
# What only some results have.
SOMETIMES = ('accepted_data_changes', 'initialized_from')


def write_pretrained(
    train_dir: str | os.PathLike,
    folder: str | os.PathLike,
    checkpoint: str | int = 'latest',
    weights: str = 'auto',
    *,
    num_images: int | None = None,
    num_samples: int = 5,
    environment: Environment = Environment(strategy='one_device'),
    origin: Origin = Origin(),
) -> dict:
    """Write a run as a pretrained model and return its evaluation, a dict of JSON values.

    The weights are rounded to half precision first, so that everything is measured on what is
    written.

    Args:
        train_dir: folder of the run.
        folder: of the pretrained model; its last part is the name. An earlier model in it is
            replaced.
        checkpoint: 'latest', 'best' (on validation images) or the number of a step.
        weights: 'raw', 'averaged', or 'auto' for the averages if the run has them.
        num_images: how many of the first test images to evaluate on; None for all.
        num_samples: draws of z and of the dequantization noise per image.
        environment: an `Environment`; its `data_dir` is where the test images are.
        origin: what the model card says about training and data.

    Raises:
        ValueError: if the run cannot be loaded, its model has a condition, its test images are not
            available, a weight does not fit half precision, or the folder has other files.
    """
    folder = os.path.abspath(folder)
    check_output(folder)
    run = load(train_dir, checkpoint, weights, environment=environment)
    run.model.check_unconditional('Packing')
    if run.model.values.image_type.name != 'uint8':
        raise ValueError(
            'Packing needs a model of images of 8 bits; those of this run are '
            f'{run.model.values.image_type.name}.'
        )
    round_weights(run.model)
    name = os.path.basename(folder)
    evaluation = _evaluate(run, name, num_images, num_samples)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as aside:
        made = os.path.join(aside, name)
        os.mkdir(made)
        save_weights(run.model, os.path.join(made, WEIGHTS))
        evaluation['weights_sha256'] = files.sha256(os.path.join(made, WEIGHTS))
        evaluation['samples_temperature'] = SAMPLES_TEMPERATURE
        evaluation['training_command'] = origin.command
        evaluation['training_time'] = origin.time
        files.write_json(os.path.join(made, run_directory.EVALUATION), evaluation)
        files.write_text(os.path.join(made, run_directory.CONFIG), _config(run))
        write_png(os.path.join(made, SAMPLES), _samples(run))
        card = model_card(name, run.model, count_parameters(run.model), evaluation, origin)
        files.write_text(os.path.join(made, CARD), card)
        if os.path.isdir(folder):
            shutil.move(folder, os.path.join(aside, 'earlier'))
        os.rename(made, folder)
    return evaluation


def check_output(folder: str) -> None:
    """Check that a pretrained model can be written to a folder.

    Raises:
        ValueError: if it is a file, or has other files than those of a pretrained model.
    """
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ValueError(f'{folder} is a file. Name a folder for the pretrained model.')
    others = sorted(set(os.listdir(folder)) - CONTENT) if os.path.isdir(folder) else []
    if others:
        raise ValueError(
            f'{folder} has other files than those of a pretrained model: {", ".join(others[:5])}. '
            'Nothing was written; name another folder.'
        )


def _evaluate(run: Run, name: str, num_images: int | None, num_samples: int) -> dict:
    result = run.evaluate(
        'test',
        num_samples,
        num_images,
        evaluators=(NumericalChecks(NUM_PICTURED),),
    )
    limit = f' --num_images={num_images}' if num_images else ''
    return {
        **{key: result[key] for key in KEPT},
        **{key: result[key] for key in SOMETIMES if key in result},
        'step': run.step,
        'averaged': run.weights == AVERAGED,
        'command': f'tfwolf evaluate --pretrained={name} --num_samples={num_samples}{limit}',
    }


def _config(run: Run) -> str:
    """Return the configuration of the run, with the size of its images."""
    text = read_config(run.train_dir)
    if 'experiment.image_shape' in bindings(text):
        return text
    # So that the model can be built without the images.
    return f'{text}\nexperiment.image_shape = {tuple(run.model.image_shape)}\n'


def _samples(run: Run) -> np.ndarray:
    drawn = draw_samples(
        Coder(run.model, NUM_PICTURED),
        NUM_PICTURED,
        seed=0,
        temperature_v=SAMPLES_TEMPERATURE,
        temperature_z=SAMPLES_TEMPERATURE,
    )
    return image_grid(marked(*drawn), columns=math.isqrt(NUM_PICTURED))
