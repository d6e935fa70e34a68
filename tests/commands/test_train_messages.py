"""What training says at the end about z."""

import functools

import pytest

import tfwolf
from tfwolf.commands.train import _print_likelihood
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
