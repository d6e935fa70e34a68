"""Translate a flow in the reference's JSON layout to gin bindings of ours."""

from __future__ import annotations

from tfwolf.reference.section import Section

KINDS = {'glow': 'RefinedGlow', 'macow': 'MaCow'}


def flow_bindings(
    flow: Section, place: str, scope: str, transform_scope: str, matrix: str, notices: list[str]
) -> tuple[str, list[str]]:
    """Return the name of our flow and its bindings; every key of the section is read.

    Args:
        flow: the section, of which the keys for the direction and the condition were read.
        place: the section above it in the configuration, for messages.
        scope: gin scope of our flow, such as 'dequantizer/', or ''.
        transform_scope: gin scope of its affine maps.
        matrix: reference to the class of its matrices.
        notices: list to which notices of ignored keys are appended.

    Raises:
        ValueError: if a key is missing, unknown, or has a value that is not supported.
    """
    kind = KINDS[flow.require('type', tuple(KINDS))]
    flow.take('in_channels', None)
    flow.require('activation', ('elu',))
    flow.require('coupling_type', ('conv',), 'conv')
    flow.ignore('num_groups', notices)
    levels = flow.take('levels')
    bindings = {'num_steps': flow.take('num_steps')}
    bindings['hidden_channels'] = flow.take('hidden_channels')
    bindings['factors'] = flow.take('factors', [])
    lengths = {'num_steps': levels, 'hidden_channels': levels, 'factors': max(levels - 2, 0)}
    for name, length in lengths.items():
        value = bindings[name]
        if not isinstance(value, list) or len(value) != length:
            raise ValueError(
                f'`{place}.flow.{name}` must be a list of {length} for levels={levels}; got '
                f'{value!r}.'
            )
    if kind == 'MaCow':
        bindings['kernel_size'] = flow.take('kernel_size', [2, 3])
    alpha = flow.take('alpha', 1.0)
    transform = flow.require('transform', ('affine', 'additive'))
    factor_out = flow.require('prior_transform', ('affine', 'additive'), transform)
    flow.finish()
    bindings['matrix'] = matrix
    bindings['transform'] = transform_reference(transform, transform_scope)
    if factor_out != transform:
        bindings['factor_out_transform'] = transform_reference(factor_out, transform_scope)
    lines = [f'{scope}{kind}.{name} = {value}' for name, value in bindings.items()]
    if 'affine' in (transform, factor_out):
        lines.append(f'{transform_scope}/BoundedAffine.alpha = {float(alpha)}')
    return kind, lines


def transform_reference(kind: str, scope: str) -> str:
    """Return the gin reference to a map, 'affine' or 'additive'."""
    return f'@{scope}/BoundedAffine()' if kind == 'affine' else '@Additive()'
