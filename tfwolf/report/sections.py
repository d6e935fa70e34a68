"""The sections of the report: which tool makes each of them, and how its results are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tfwolf.report import findings, uses


class Section(NamedTuple):
    """A section of the page, the tool that makes it, and the function that reads its results."""

    title: str
    explanation: str
    tool: str
    flags: tuple
    read: Callable


SECTIONS = {
    'samples': Section(
        'Samples',
        'Images drawn from the model at temperature 1.',
        'sample',
        (),
        findings.of_samples,
    ),
    'temperatures': Section(
        'Temperatures',
        'Each row is the same noise at another temperature of v and z (Glow, figure 8).',
        'sample',
        ('--temperatures=0,0.25,0.6,0.7,0.8,0.9,1', '--num_samples=10'),
        findings.of_samples,
    ),
    'reconstructions': Section(
        'Reconstructions',
        'Images decoded from z and v, and from v with other samples of z ~ q(z|x).',
        'reconstruct',
        (),
        findings.of_reconstructions,
    ),
    'switch': Section(
        'Switch',
        'Each image with the z of the other (Wolf, figure 1).',
        'switch',
        (),
        findings.of_switch,
    ),
    'switch_within_class': Section(
        'Switch within a class',
        'The same for two images of one class (Wolf, figure 8).',
        'switch',
        ('--within_class',),
        findings.of_switch,
    ),
    'interpolation': Section(
        'Interpolation',
        'Interpolation of z and of v between two images (Wolf, equation 9, figure 5).',
        'interpolate',
        (),
        findings.of_interpolation,
    ),
    'latents': Section(
        'What z and v hold',
        'Attributes, manifold, compression and larger samples.',
        'latents',
        (),
        findings.of_latents,
    ),
    'probe': Section(
        'Probe',
        'Accuracy of a linear classifier of z, v and pixels (Wolf, table 4).',
        'probe',
        (),
        findings.of_probe,
    ),
    'fid': Section(
        'Frechet distance',
        'Distance between the features of samples and of images (Wolf, table 2).',
        'fid',
        (),
        findings.of_fid,
    ),
    'distance': Section(
        'Distance of likelihoods',
        'How far samples, and images with artefacts, are from test images by their likelihoods.',
        'distance',
        ('--artefact=noise:10', '--artefact=blur:1'),
        uses.of_distance,
    ),
    'anomaly': Section(
        'Unusual images',
        'Where images are unusual, and how well noise of 10 of 255 is told from none.',
        'anomaly',
        ('--num_images=64', '--artefact=noise:10'),
        uses.of_anomaly,
    ),
    'inpainting': Section(
        'Inpainting',
        'The right half of images, drawn given the left half.',
        'inpaint',
        ('--mask=right',),
        uses.of_inpainting,
    ),
    'plots': Section(
        'Plots',
        'Charts of training, likelihoods, z, v and layers.',
        'plots',
        ('--format=svg',),
        lambda folder: findings.Findings(),
    ),
}
