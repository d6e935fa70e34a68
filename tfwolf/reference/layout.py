"""Map each array of the reference's state dict to a weight of ours."""

from __future__ import annotations

from tfwolf.core.variables import named_variables
from tfwolf.distributions.prior import FlowPrior
from tfwolf.models.dequantizer import FlowDequantizer
from tfwolf.models.gaussian_latent import GaussianLatent
from tfwolf.models.label_latents import ClassLatent
from tfwolf.models.wolf import Wolf
from tfwolf.reference.axes import DENSE, DENSE_LENGTH, KERNEL, PLAIN, Axes
from tfwolf.reference.flow_layout import DENSE_NET, flow_slots, slot_of, step_slots
from tfwolf.reference.slot import Slot

NORM = {
    'weight': ('gamma', PLAIN),
    'bias': ('beta', PLAIN),
    'running_mean': ('running_mean', PLAIN),
    'running_var': ('running_variance', PLAIN),
}
BLOCK = {'conv1': 'conv1', 'conv2': 'conv2', 'downsample.0': 'shortcut'}
TRANSPOSED_BLOCK = {'deconv1': 'conv1', 'deconv2': 'conv2', 'downsample.0': 'shortcut'}
BLOCK_NORMS = {'bn1': 'norm1', 'bn2': 'norm2', 'downsample.1': 'shortcut_norm'}


def slots(model: Wolf) -> list[Slot]:
    """Return the `Slot` of every array in the reference's state dict of a model.

    Args:
        model: a `Wolf` with a refined Glow or MaCow.
    """
    found = list(flow_slots(model.flow, 'generator.flow.blocks'))
    if isinstance(model.dequantizer, FlowDequantizer):
        found += _features(model.dequantizer.encoder, 'dequantizer.encoder.net')
        found += flow_slots(model.dequantizer.flow, 'dequantizer.flow.core.blocks')
    if isinstance(model.latent, GaussianLatent):
        found += _encoder(model.latent.encoder, 'discriminator.encoder.net')
        found += _posterior(model.latent.encoder, model.image_shape)
        if isinstance(model.latent.prior, FlowPrior):
            found += step_slots(
                model.latent.prior.flow.layers[0],
                'discriminator.prior.flow.steps',
                'linear',
                PLAIN,
                DENSE_NET,
            )
    if isinstance(model.latent, ClassLatent):
        found.append(slot_of('discriminator.embed.weight', model.latent, 'embedding', PLAIN))
        for place in range(3):
            found.append(
                slot_of(
                    f'discriminator.net.{2 * place}.weight', model.latent, f'kernel{place}', DENSE
                )
            )
            found.append(
                slot_of(f'discriminator.net.{2 * place}.bias', model.latent, f'bias{place}', PLAIN)
            )
    return found


def _encoder(encoder, prefix):
    blocks = sorted(
        {path[0] for path, _ in named_variables(encoder) if path[0].startswith('level')}
    )
    for block in blocks:
        level, place = block.removeprefix('level').split('_block')
        yield from _block(getattr(encoder, block), f'{prefix}.resnet{level}.main.{place}', BLOCK)
    yield slot_of(f'{prefix}.top.weight', encoder.top, 'kernel', KERNEL)
    yield slot_of(f'{prefix}.top.bias', encoder.top, 'bias', PLAIN)


def _features(encoder, prefix):
    blocks = sorted({path[0] for path, _ in named_variables(encoder)})
    for block in blocks:
        goes_down = block.startswith('down')
        level, place = block.removeprefix('down').removeprefix('up').split('_block')
        name = f'{prefix}.{"resnet" if goes_down else "deresnet"}{level}.main.{place}'
        names = BLOCK if goes_down else TRANSPOSED_BLOCK
        yield from _block(getattr(encoder, block), name, names)


def _block(layer, prefix, names):
    """Yield the slots of a residual block."""
    for theirs, ours in names.items():
        if getattr(layer, ours) is not None:
            yield slot_of(f'{prefix}.{theirs}.weight', getattr(layer, ours), 'kernel', KERNEL)
    for theirs, ours in BLOCK_NORMS.items():
        if getattr(layer, ours) is not None:
            for weight, (attribute, axes) in NORM.items():
                yield slot_of(f'{prefix}.{theirs}.{weight}', getattr(layer, ours), attribute, axes)


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
    yield slot_of(
        'discriminator.fc.linear.weight_v', layer, 'direction', Axes(DENSE.reference_shape, to_ours)
    )
    yield slot_of('discriminator.fc.linear.weight_g', layer, 'length', DENSE_LENGTH)
    yield slot_of('discriminator.fc.linear.bias', layer, 'bias', PLAIN)
