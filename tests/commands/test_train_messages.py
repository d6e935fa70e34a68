"""What training says: at the end about z and where to look, and of images of another shape."""

import functools
import types

import pytest

import tfwolf
from tfwolf.commands.train import _command_to_look, _print_likelihood
from tfwolf.evaluation.summary import as_text
from tfwolf.evaluation.summary_rows import COLLAPSED_KL_NATS

SHAPE = (4, 4, 1)


def latent(name):
    if name == 'encoder':
        encoder = functools.partial(tfwolf.Encoder, widths=[2], out_channels=2)
        prior = tfwolf.NormalPrior
        return tfwolf.GaussianLatent(SHAPE, latent_dim=2, encoder=encoder, prior=prior)
    make = {'condition': tfwolf.LabelCondition, 'none': tfwolf.NoLatent}[name]
    return make(SHAPE, num_classes=2) if name == 'condition' else make(SHAPE)


@pytest.mark.parametrize(
    'name, kl, warned',
    [
        ('encoder', COLLAPSED_KL_NATS / 2, True),
        ('encoder', COLLAPSED_KL_NATS, False),
        ('condition', 0.0, False),
        ('none', 0.0, False),
    ],
)
def test_only_an_encoder_can_collapse(capsys, name, kl, warned):
    result = {'bits_per_dim': 3.0, 'num_images': 10, 'kl_nats': kl}
    _print_likelihood(result, latent(name))
    assert ('collapse' in capsys.readouterr().out) == warned
    # As the summary of an evaluation says it.
    result.update(
        has_posterior=latent(name).has_posterior,
        num_samples=1,
        bits_per_dim_interval_95=(2.0, 4.0),
        bits_per_dim_iwae=3.0,
        iwae_gap_bits_per_dim=0.0,
        nll_nats=9.0,
    )
    assert ('collapse' in as_text(result)) == warned


@pytest.mark.parametrize(
    'image_type, is_continuous, condition, command',
    [
        ('uint8', False, None, 'explore'),
        ('uint8', False, 'c', 'sample'),
        ('uint16', False, None, 'sample'),
        ('float32', True, None, 'density'),
    ],
)
def test_the_command_to_look_accepts_the_run(image_type, is_continuous, condition, command):
    """The explorer refuses conditional models, and images that are not of 8 bits."""
    values = types.SimpleNamespace(
        image_type=types.SimpleNamespace(name=image_type), is_continuous=is_continuous
    )
    assert _command_to_look(types.SimpleNamespace(values=values, condition=condition)) == command


def test_images_of_another_shape_are_told_what_to_set(tmp_path):
    with pytest.raises(ValueError, match=r'Set `experiment.image_shape = \(8, 8, 1\)` for'):
        tfwolf.fit(
            'digits',
            train_dir=tmp_path / 'run',
            params=['experiment.image_shape = (16, 16, 1)'],
            max_steps=1,
        )
    assert not (tmp_path / 'run').exists()
