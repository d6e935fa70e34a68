"""The part of the model and the kind of work that an operation in a trace belongs to."""

from __future__ import annotations

import functools
import re

from tfwolf.benchmark.compiled_names import Origin

# Parts by the scopes in the name of an operation; the first that matches counts.
PARTS = (
    ('input', 'input'),
    ('encoder', 'encoder'),
    ('flow_prior|normal_prior|prior', 'prior'),
    ('optimizer|adamw', 'optimizer'),
    ('weight_averages', 'averages of weights'),
    ('global_norm|gradient_norm', 'norm of the gradient'),
    ('derived', 'derived weights'),
    (r'\w*coupling_net', 'coupling networks'),
    ('invertible_conv|conv_1x1', '1x1 convolutions'),
    ('actnorm', 'actnorm'),
    ('coupling', 'couplings'),
)
# Parts by the type of an operation that has no such scope.
PARTS_OF_OPERATIONS = (
    ('ResourceApply.*', 'optimizer'),
    ('.*(Determinant|MatrixInverse|MatrixTriangularSolve|Lu|Qr|Cholesky)', 'log-determinants'),
    ('(Pack|Unpack|TensorList.*)', 'stacks of weights and activations'),
    ('Stateless.*', 'noise'),
    ('(While|If|Enter|Exit|Merge|Switch|NextIteration|LoopCond)', 'loops'),
)
REST = 'flow and others'
# Parts that are shown by the kind of their work.
DIVIDED = ('encoder', 'prior', 'coupling networks', REST)
SCOPES_OF_KINDS = (('elu|activation', 'activations'), ('windows|unfold|fold', 'windows'))
KINDS = (
    ('.*(MatMul|Conv2D|Einsum|XlaDot).*', 'products'),
    ('.*(FusedBatchNorm|Moments).*', 'normalization'),
    ('(Elu|Relu|Softplus|Sigmoid|Tanh)(Grad|6)?', 'activations'),
    ('(Sum|Mean|L2Loss|All|Any|Max|Min|Prod)', 'sums'),
    (
        '(Pad|PadV2|Slice|Split.*|StridedSlice.*|Concat.*|Transpose|Tile|Gather.*|SpaceToDepth'
        '|DepthToSpace|BroadcastTo|Fill|ZerosLike)',
        'moves',
    ),
)
OTHER = 'other'


@functools.cache
def group(origin: Origin) -> str:
    """Return the title of an operation's group, such as 'encoder: products'.

    Args:
        origin: the `Origin` of the operation. Its scopes (`tf.name_scope`) name the part of the
            model; without one that is known, the type of the operation decides.
    """
    scopes = [re.sub(r'(_\d+)+$', '', scope) for scope in origin.path.split('/')[:-1]]
    part = _of_scopes(PARTS, scopes) or _of_operation(PARTS_OF_OPERATIONS, origin) or REST
    if part not in DIVIDED:
        return part
    kind = _of_scopes(SCOPES_OF_KINDS, scopes) or _of_operation(KINDS, origin) or OTHER
    return f'{part}: {kind}'


def _of_scopes(table: tuple[tuple[str, str], ...], scopes: list[str]) -> str | None:
    for pattern, title in table:
        if any(re.fullmatch(pattern, scope) for scope in scopes):
            return title
    return None


def _of_operation(table: tuple[tuple[str, str], ...], origin: Origin) -> str | None:
    return next(
        (title for pattern, title in table if re.fullmatch(pattern, origin.operation)), None
    )
