"""Map each array of the reference's state dict to a weight of ours."""

from __future__ import annotations

from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.matrix import FullMatrix
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.squeeze import Squeezed
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.distributions.prior import FlowPrior
from tfwolf.models.gaussian_latent import GaussianLatent
from tfwolf.models.label_latents import ClassLatent
from tfwolf.models.wolf import Wolf
from tfwolf.reference.axes import (
    CHANNELS,
    DENSE,
    DENSE_LENGTH,
    KERNEL,
    KERNEL_LENGTH,
    MATRIX,
    PLAIN,
    Axes,
)
from tfwolf.reference.slot import Slot

CONV_NET = {
    'net.conv1.weight': ('kernel1', KERNEL),
    'net.conv2.weight': ('kernel2', KERNEL),
    'net.conv3.conv.weight_v': ('output_direction', KERNEL),
    'net.conv3.conv.weight_g': ('output_length', KERNEL_LENGTH),
    'net.conv3.conv.bias': ('output_bias', PLAIN),
    'h_net.net.weight': ('condition_kernel', DENSE),
    'h_net.net.bias': ('condition_bias', PLAIN),
}
DENSE_NET = {
    'net.fc1.weight': ('kernel1', DENSE),
    'net.fc1.bias': ('bias1', PLAIN),
    'net.fc2.weight': ('kernel2', DENSE),
    'net.fc2.bias': ('bias2', PLAIN),
    'net.fc3.linear.weight_v': ('output_direction', DENSE),
    'net.fc3.linear.weight_g': ('output_length', DENSE_LENGTH),
    'net.fc3.linear.bias': ('output_bias', PLAIN),
}
NORM = {
    'weight': ('gamma', PLAIN),
    'bias': ('beta', PLAIN),
    'running_mean': ('running_mean', PLAIN),
    'running_var': ('running_variance', PLAIN),
}
BLOCK = {'conv1': 'conv1', 'conv2': 'conv2', 'downsample.0': 'shortcut'}
BLOCK_NORMS = {'bn1': 'norm1', 'bn2': 'norm2', 'downsample.1': 'shortcut_norm'}
# Position in our step -> the coupling's name.
COUPLINGS = {2: 'coupling1_up', 3: 'coupling1_dn', 5: 'coupling2_up', 6: 'coupling2_dn'}


def slots(model: Wolf) -> list[Slot]:
    """Return the `Slot` of every array in the reference's state dict of a model.

    Args:
        model: a `Wolf` with a refined Glow.
    """
    found = list(_flow(model.flow, 'generator.flow.blocks', 0))
    if isinstance(model.latent, GaussianLatent):
        found += _encoder(model.latent.encoder, 'discriminator.encoder.net')
        found += _posterior(model.latent.encoder, model.image_shape)
        if isinstance(model.latent.prior, FlowPrior):
            found += _steps(
                model.latent.prior.flow.layers[0],
                'discriminator.prior.flow.steps',
                'linear',
                PLAIN,
                DENSE_NET,
            )
    if isinstance(model.latent, ClassLatent):
        found.append(_slot('discriminator.embed.weight', model.latent, 'embedding', PLAIN))
        for place in range(3):
            found.append(
                _slot(
                    f'discriminator.net.{2 * place}.weight', model.latent, f'kernel{place}', DENSE
                )
            )
            found.append(
                _slot(f'discriminator.net.{2 * place}.bias', model.latent, f'bias{place}', PLAIN)
            )
    return found


def _slot(name, owner, attribute, axes):
    return Slot(name, {attribute: as_tensorflow(getattr(owner, attribute))}, None, axes)


def _flow(chain, prefix, block, group=0):
    """Yield the slots of a level of the flow, from one group on, and of all later levels."""
    is_middle = isinstance(chain.layers[-1], MultiScaleSplit)
    for layer in chain.layers:
        if isinstance(layer, Repeat):
            place = f'{prefix}.{block}.layers.{group}' if is_middle else f'{prefix}.{block}.steps'
            yield from _steps(layer, place, 'conv1x1', CHANNELS, CONV_NET)
        elif isinstance(layer, Squeezed):
            yield from _flow(layer.inner, prefix, block + 1)
        elif isinstance(layer, MultiScaleSplit):
            if isinstance(layer.inner, Squeezed):
                yield from _flow(layer.inner.inner, prefix, block + 1)
            else:
                yield from _flow(layer.inner, prefix, block, group + 1)
        elif isinstance(layer, Chain):
            yield from _factor_out(layer, f'{prefix}.{block}.priors.{group}')


def _step_parts(matrix_name, vector, net):
    """Yield (name in a step of the reference, path in our step, axes).

    The path of a matrix is that of its object, which may have several variables.
    """
    for index, name in ((0, 'actnorm'), (4, 'unit.actnorm')):
        for weight in ('log_scale', 'bias'):
            yield f'{name}.{weight}', f'layers.{index}.{weight}', vector
    yield f'{matrix_name}.weight', 'layers.1.matrix', MATRIX
    for index, name in COUPLINGS.items():
        for weight, (attribute, axes) in net.items():
            yield f'unit.{name}.{weight}', f'layers.{index}.net.{attribute}', axes


def _steps(repeat, prefix, matrix_name, vector, net):
    for row in range(repeat.repeats):
        for name, path, axes in _step_parts(matrix_name, vector, net):
            weights = {
                key.rpartition('.')[2]: variable
                for key, variable in repeat.weights.items()
                if key == path or key.startswith(f'{path}.')
            }
            if weights:
                yield Slot(f'{prefix}.{row}.{name}', weights, row, axes)


def _factor_out(layer, prefix):
    conv1x1, coupling, on_leaving = layer.layers
    matrix = conv1x1.matrix
    names = (
        ['weight']
        if isinstance(matrix, FullMatrix)
        else ['triangles', 'log_diagonal', 'sign', 'permutation']
    )
    yield Slot(
        f'{prefix}.conv1x1.weight', {name: getattr(matrix, name) for name in names}, None, MATRIX
    )
    for weight, (attribute, axes) in CONV_NET.items():
        if hasattr(coupling.net, attribute):
            yield _slot(f'{prefix}.coupling.{weight}', coupling.net, attribute, axes)
    for weight in ('log_scale', 'bias'):
        yield _slot(f'{prefix}.actnorm.{weight}', on_leaving.inner, weight, CHANNELS)


def _encoder(encoder, prefix):
    blocks = sorted(
        {path[0] for path, _ in named_variables(encoder) if path[0].startswith('level')}
    )
    for block in blocks:
        level, place = block.removeprefix('level').split('_block')
        layer, name = getattr(encoder, block), f'{prefix}.resnet{level}.main.{place}'
        for theirs, ours in BLOCK.items():
            if getattr(layer, ours) is not None:
                yield _slot(f'{name}.{theirs}.weight', getattr(layer, ours), 'kernel', KERNEL)
        for theirs, ours in BLOCK_NORMS.items():
            if getattr(layer, ours) is not None:
                for weight, (attribute, axes) in NORM.items():
                    yield _slot(f'{name}.{theirs}.{weight}', getattr(layer, ours), attribute, axes)
    yield _slot(f'{prefix}.top.weight', encoder.top, 'kernel', KERNEL)
    yield _slot(f'{prefix}.top.bias', encoder.top, 'bias', PLAIN)


def _posterior(encoder, image_shape):
    """Yield the slots of the last dense layer, whose inputs are flattened channels first."""
    levels = len(
        {
            path[0].split('_')[0]
            for path, _ in named_variables(encoder)
            if path[0].startswith('level')
        }
    )
    height, width = (-(-side // 2**levels) for side in image_shape[:2])

    def to_ours(array):
        channels_first = array.reshape(len(array), -1, height, width)
        return channels_first.transpose(2, 3, 1, 0).reshape(-1, len(array))

    layer = encoder.posterior
    yield _slot(
        'discriminator.fc.linear.weight_v', layer, 'direction', Axes(DENSE.reference_shape, to_ours)
    )
    yield _slot('discriminator.fc.linear.weight_g', layer, 'length', DENSE_LENGTH)
    yield _slot('discriminator.fc.linear.bias', layer, 'bias', PLAIN)
