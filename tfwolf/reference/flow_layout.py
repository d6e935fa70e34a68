"""Map the reference's names of the weights of flows to weights of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import tensorflow as tf

from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.masked_conv import MaskedConv
from tfwolf.bijectors.matrix import FullMatrix
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.squeeze import Squeezed
from tfwolf.core.variables import as_tensorflow
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

Net = Mapping[str, tuple[str, Axes]]

# Names of a network's weights in the reference -> our attribute. The condition of a network is
# either a vector or an image, under the same names.
VECTOR = {
    'h_net.net.weight': ('condition_kernel', DENSE),
    'h_net.net.bias': ('condition_bias', PLAIN),
}
IMAGE = {'h_net.net.weight': ('image_kernel', KERNEL), 'h_net.net.bias': ('image_bias', PLAIN)}
CONV_NET = {
    'net.conv1.weight': ('kernel1', KERNEL),
    'net.conv2.weight': ('kernel2', KERNEL),
    'net.conv3.conv.weight_v': ('output_direction', KERNEL),
    'net.conv3.conv.weight_g': ('output_length', KERNEL_LENGTH),
    'net.conv3.conv.bias': ('output_bias', PLAIN),
}
MASKED_NET = {
    'net.shift_conv.weight': ('kernel', KERNEL),
    'net.conv1x1.conv.weight_v': ('output_direction', KERNEL),
    'net.conv1x1.conv.weight_g': ('output_length', KERNEL_LENGTH),
    'net.conv1x1.conv.bias': ('output_bias', PLAIN),
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
# Names of the layers of a step in the reference, in the order of ours.
GLOW_STEP = (
    'actnorm',
    '{matrix}',
    'unit.coupling1_up',
    'unit.coupling1_dn',
    'unit.actnorm',
    'unit.coupling2_up',
    'unit.coupling2_dn',
)
UNIT = ('conv1', 'conv2', 'actnorm1', 'conv3', 'conv4', 'actnorm2')
MACOW_STEP = (
    'actnorm1',
    '{matrix}',
    *(f'units1.{number}.{layer}' for number in range(2) for layer in UNIT),
    'coupling1_up',
    'coupling1_dn',
    'actnorm2',
    *(f'units2.{number}.{layer}' for number in range(2) for layer in UNIT),
    'coupling2_up',
    'coupling2_dn',
)


def slot_of(name: str, owner: object, attribute: str, axes: Axes) -> Slot:
    """Return the `Slot` of one attribute that is a variable."""
    return Slot(name, {attribute: as_tensorflow(getattr(owner, attribute))}, None, axes)


def flow_slots(chain: Chain, prefix: str, block: int = 0, group: int = 0) -> Iterator[Slot]:
    """Yield the slots of a flow, or of one of its levels from one group on and all later levels.

    Args:
        chain: a `RefinedGlow` or `MaCow`, or the chain of the level.
        prefix: prefix of the names in the reference.
        block: index of the level.
        group: index of the group.
    """
    is_middle = isinstance(chain.layers[-1], MultiScaleSplit)
    for layer in chain.layers:
        if isinstance(layer, Repeat):
            place = f'{prefix}.{block}.layers.{group}' if is_middle else f'{prefix}.{block}.steps'
            yield from step_slots(layer, place, 'conv1x1', CHANNELS, CONV_NET)
        elif isinstance(layer, Squeezed):
            yield from flow_slots(layer.inner, prefix, block + 1)
        elif isinstance(layer, MultiScaleSplit):
            if isinstance(layer.inner, Squeezed):
                yield from flow_slots(layer.inner.inner, prefix, block + 1)
            else:
                yield from flow_slots(layer.inner, prefix, block, group + 1)
        elif isinstance(layer, Chain):
            yield from _factor_out(layer, f'{prefix}.{block}.priors.{group}')


def step_slots(
    repeat: Repeat, prefix: str, matrix_name: str, vector: Axes, net: Net
) -> Iterator[Slot]:
    """Yield the slots of repeated steps.

    Args:
        repeat: the steps.
        prefix: prefix of the names in the reference.
        matrix_name: the reference's name of the layer with a matrix.
        vector: axes of actnorm's weights.
        net: names of the weights of the couplings' networks.
    """
    for row in range(repeat.repeats):
        for name, path, axes in _step_parts(repeat.parts[0].layers, matrix_name, vector, net):
            weights = {
                key.rpartition('.')[2]: variable
                for key, variable in repeat.weights.items()
                if key == path or key.startswith(f'{path}.')
            }
            if weights:
                yield Slot(f'{prefix}.{row}.{name}', weights, row, axes)


def _step_parts(layers, matrix_name, vector, net):
    """Yield (name in a step of the reference, path in our step, axes) of all possible weights.

    The path of a matrix is that of its object, which may have several variables.
    """
    names = MACOW_STEP if any(isinstance(layer, MaskedConv) for layer in layers) else GLOW_STEP
    for index, (layer, name) in enumerate(zip(layers, names, strict=True)):
        name, path = name.format(matrix=matrix_name), f'layers.{index}'
        if name == matrix_name:
            yield f'{name}.weight', f'{path}.matrix', MATRIX
        elif 'actnorm' in name:
            for weight in ('log_scale', 'bias'):
                yield f'{name}.{weight}', f'{path}.{weight}', vector
        else:
            of_layer = MASKED_NET if isinstance(layer, MaskedConv) else net
            for weight, (attribute, axes) in _with_condition(of_layer):
                yield f'{name}.{weight}', f'{path}.net.{attribute}', axes


def _with_condition(net):
    return [*net.items(), *VECTOR.items(), *IMAGE.items()]


def _factor_out(layer, prefix):
    conv1x1, coupling, on_leaving = layer.layers
    matrix = conv1x1.matrix
    names = (
        ['weight']
        if isinstance(matrix, FullMatrix)
        else ['triangles', 'log_diagonal', 'sign', 'permutation']
    )
    weights: dict[str, tf.Variable] = {name: getattr(matrix, name) for name in names}
    yield Slot(f'{prefix}.conv1x1.weight', weights, None, MATRIX)
    for weight, (attribute, axes) in _with_condition(CONV_NET):
        if hasattr(coupling.net, attribute):
            yield slot_of(f'{prefix}.coupling.{weight}', coupling.net, attribute, axes)
    for weight in ('log_scale', 'bias'):
        yield slot_of(f'{prefix}.actnorm.{weight}', on_leaving.inner, weight, CHANNELS)
