"""Translate a model in the reference's JSON layout to gin bindings that build the same model."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from tfwolf.reference.flow_configuration import flow_bindings, transform_reference
from tfwolf.reference.section import Section


def read_configuration(path: str | os.PathLike) -> dict[str, Any]:
    """Return the JSON object of a model from a file, which contains it directly or under `config`.

    Raises:
        ValueError: if there is no such file or it is not JSON.
    """
    try:
        with open(path, encoding='utf-8') as file:
            values = json.load(file)
    except OSError as error:
        raise ValueError(f'The configuration {path} cannot be read: {error.strerror}.') from error
    except ValueError as error:
        raise ValueError(f'The configuration {path} is not JSON: {error}.') from error
    if not isinstance(values, dict):
        raise ValueError(
            f'The configuration {path} must be a JSON object; got a {type(values).__name__}.'
        )
    return values.get('config', values)


def gin_bindings(
    configuration: dict[str, Any], image_size: Sequence[int], num_bits: int, lu: bool = False
) -> tuple[list[str], list[str]]:
    """Return `(bindings, notices)`: gin bindings of the model, and notices of what was ignored.

    Args:
        configuration: JSON object, as `read_configuration` returns it.
        image_size: (height, width), which the reference's layout does not contain.
        num_bits: bits per color value, likewise.
        lu: whether 1x1 convolutions and linear maps become products of triangular matrices.

    Raises:
        ValueError: if a key is missing, unknown, or has a value that the paper does not use; the
            message names the key.
    """
    notices = []
    root = Section(configuration, '')
    matrix = '@PLUMatrix' if lu else '@FullMatrix'
    generator, discriminator = root.section('generator'), root.section('discriminator')
    dequantizer = root.take('dequantizer', {'type': 'uniform'})
    root.finish()
    flow = generator.section('flow')
    generator.finish()
    in_channels = flow.take('in_channels')
    latent, latent_dim = _latent_bindings(
        discriminator, (*image_size, in_channels), matrix, notices
    )
    lines = [
        'experiment.model = @Wolf',
        'experiment.dataset = @dataset',
        f'experiment.image_shape = {(*image_size, in_channels)}',
        f'Wolf.num_bits = {num_bits}',
        *_generator_bindings(flow, latent_dim, matrix, notices),
        *latent,
        *_dequantizer_bindings(Section(dequantizer, 'dequantizer'), in_channels, matrix, notices),
    ]
    return lines, notices


def _latent_bindings(discriminator, image_shape, matrix, notices):
    kind = discriminator.require('type', ('base', 'gaussian', 'categorical'))
    if kind == 'base':
        discriminator.finish()
        return ['Wolf.latent = @NoLatent'], 0
    dim = discriminator.take('dim')
    if kind == 'categorical':
        activation = discriminator.require('activation', ('elu', 'relu'))
        lines = [
            'Wolf.latent = @ClassLatent',
            f'ClassLatent.latent_dim = {dim}',
            f'ClassLatent.num_classes = {discriminator.take("num_events")}',
            f'ClassLatent.activation = @{activation}',
        ]
        discriminator.finish()
        return lines, dim
    encoder, prior = discriminator.section('encoder'), discriminator.section('prior')
    lines = [
        'Wolf.latent = @GaussianLatent',
        f'GaussianLatent.latent_dim = {dim}',
        'GaussianLatent.encoder = @Encoder',
        *_encoder_bindings(encoder, image_shape, discriminator.take('in_dim')),
        *_prior_bindings(prior, dim, matrix),
    ]
    discriminator.finish()
    return lines, dim


def _generator_bindings(flow, latent_dim, matrix, notices):
    flow.require('inverse', (True,), True)
    flow.require('h_type', ('global_linear', None), None)
    if (h_channels := flow.take('h_channels', 0)) != latent_dim:
        raise ValueError(
            f'`generator.flow.h_channels` must be the size of z, {latent_dim}; got {h_channels!r}.'
        )
    kind, lines = flow_bindings(flow, 'generator', '', 'flow', matrix, notices)
    return [f'Wolf.flow = @{kind}', *lines]


def _dequantizer_bindings(dequantizer, in_channels, matrix, notices):
    if dequantizer.require('type', ('uniform', 'flow')) == 'uniform':
        dequantizer.finish()
        return []
    encoder, flow = dequantizer.section('encoder'), dequantizer.section('flow')
    dequantizer.finish()
    encoder.require('type', ('local_resnet_bn',))
    encoder.require('activation', ('elu',))
    encoder.require('in_planes', (in_channels,))
    widths = _widths(encoder, 'dequantizer')
    out_channels = encoder.take('out_planes')
    encoder.finish()
    flow.require('in_channels', (in_channels,))
    flow.require('inverse', (False,))
    flow.require('h_type', ('local_linear',))
    if (h_channels := flow.take('h_channels')) != out_channels:
        raise ValueError(
            '`dequantizer.flow.h_channels` must be `dequantizer.encoder.out_planes`, '
            f'{out_channels}; got {h_channels!r}.'
        )
    kind, lines = flow_bindings(flow, 'dequantizer', 'dequantizer/', 'dequantizer', matrix, notices)
    return [
        'Wolf.dequantizer = @FlowDequantizer',
        'FlowDequantizer.encoder = @FeatureEncoder',
        f'FeatureEncoder.widths = {widths}',
        f'FeatureEncoder.out_channels = {out_channels}',
        f'FlowDequantizer.flow = @dequantizer/{kind}',
        *lines,
    ]


def _widths(encoder, place):
    levels, widths = encoder.take('levels'), encoder.take('hidden_planes')
    if not isinstance(widths, list) or len(widths) != levels:
        raise ValueError(
            f'`{place}.encoder.hidden_planes` must be a list of levels={levels} widths; got '
            f'{widths!r}.'
        )
    return widths


def _encoder_bindings(encoder, image_shape, in_dim):
    encoder.require('type', ('global_resnet_bn',))
    encoder.require('activation', ('elu',))
    encoder.require('in_planes', (image_shape[2],))
    widths, out_channels = _widths(encoder, 'discriminator'), encoder.take('out_planes')
    encoder.finish()
    height, width = (-(-side // 2 ** len(widths)) for side in image_shape[:2])
    if in_dim != height * width * out_channels:
        raise ValueError(
            f'`discriminator.in_dim` is {in_dim}, but for images of '
            f'{image_shape[0]}x{image_shape[1]} the encoder returns '
            f'{height}x{width}x{out_channels} = {height * width * out_channels} values. Check the '
            'image size.'
        )
    return [f'Encoder.widths = {widths}', f'Encoder.out_channels = {out_channels}']


def _prior_bindings(prior, dim, matrix):
    if prior.require('type', ('flow', 'normal')) == 'normal':
        if (size := prior.take('dim', dim)) != dim:
            raise ValueError(
                f'`discriminator.prior.dim` must be the size of z, {dim}; got {size!r}.'
            )
        prior.finish()
        return ['GaussianLatent.prior = @NormalPrior']
    prior.require('in_features', (dim,))
    prior.require('activation', ('elu',))
    prior.require('coupling_type', ('mlp',))
    prior.require('inverse', (True,), True)
    transform = prior.require('transform', ('affine', 'additive'))
    alpha = float(prior.take('alpha', 1.0))
    lines = [
        'GaussianLatent.prior = @FlowPrior',
        f'FlowPrior.num_steps = {prior.take("num_steps")}',
        f'FlowPrior.hidden_features = {prior.take("hidden_features")}',
        f'FlowPrior.matrix = {matrix}',
        f'FlowPrior.transform = {transform_reference(transform, "prior")}',
    ]
    prior.finish()
    return lines + ([f'prior/BoundedAffine.alpha = {alpha}'] if transform == 'affine' else [])
