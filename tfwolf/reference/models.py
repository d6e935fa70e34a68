"""Build the model of a fixture, or load a saved one to compare it with the fixture."""

from __future__ import annotations

from tfwolf.models.wolf import Wolf
from tfwolf.reference.configuration import gin_bindings
from tfwolf.reference.fixture import Fixture
from tfwolf.reference.weights import copy_weights, load_weights, read_weights
from tfwolf.runs.config_text import read_config
from tfwolf.runs.configuration import read_configuration
from tfwolf.training.checkpoints import find_checkpoint, restore_model


def fixture_model(fixture: Fixture, dtype: str, weights_of: Wolf | None = None) -> Wolf:
    """Return the model of a fixture, with full matrices.

    Args:
        fixture: a `Fixture`.
        dtype: 'float64' or 'float32'.
        weights_of: a `Wolf` of the same structure whose weights to use; None for the weights of the
            fixture.
    """
    bindings, notices = gin_bindings(fixture.configuration, fixture.image_size, fixture.num_bits)
    model = (
        read_configuration(params=bindings)
        .experiment()
        .make_model(fixture.io['images'].shape[1:], seed=0, dtype=dtype)
    )
    if weights_of is not None:
        copy_weights(weights_of, model)
        return model
    for notice in notices:
        print(f'notice: {notice}')
    load_weights(model, read_weights(fixture.weights_path))
    return model


def saved_model(train_dir: str, fixture: Fixture, dtype: str) -> Wolf:
    """Return the model of a run, or an imported one, in another floating type.

    Args:
        train_dir: folder of the run.
        fixture: the `Fixture` with images of the model's shape.
        dtype: 'float64' or 'float32'.
    """
    experiment = read_configuration(run_text=read_config(train_dir)).experiment()
    shape = fixture.io['images'].shape[1:]
    saved = experiment.make_model(shape, seed=0)
    restore_model(saved, find_checkpoint(train_dir, 'latest'))
    model = experiment.make_model(shape, seed=0, dtype=dtype)
    copy_weights(saved, model)
    return model
