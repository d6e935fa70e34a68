"""Modules of StableHLO with a matrix product and what follows, which a GPU runs as one kernel."""

from __future__ import annotations

from collections.abc import Sequence

Shape = Sequence[int]

# A module of StableHLO with one fusion. Products are summed, and ELU is computed, in float32.
_MODULE = """
module @activated_product {{
  func.func public @main({arguments}) -> {result} {{
    {constraints}
    %0 = {call}({constrained}) {attributes} : ({types}) -> {result}
    return %0 : {result}
  }}
  func.func private @fusion({arguments}) -> {result} {{
    %sum0 = stablehlo.dot_general %a, %b, contracting_dims = [1] x [{contracted}],
      precision = [DEFAULT, DEFAULT] : ({a}, {b}) -> {sums}
    %zero = stablehlo.constant dense<0.0> : {sums}
    %one = stablehlo.constant dense<1.0> : {sums}
    {body}
    %limit = stablehlo.constant dense<{limit:.9e}> : {sums}
    %limited = stablehlo.minimum %result, %limit : {sums}
    %y = stablehlo.convert %limited : ({sums}) -> {result}
    return %y : {result}
  }}
}}
"""
# Row by row. Otherwise XLA writes windows of gradients column by column, and then transposes them.
_CONSTRAINT = """
    {name}_rows = stablehlo.custom_call @LayoutConstraint({name}) {{
      operand_layouts = [dense<[1, 0]> : tensor<2xindex>],
      result_layouts = [dense<[1, 0]> : tensor<2xindex>]}} : ({kind}) -> {kind}
"""
_ELU = """
    %negative = stablehlo.minimum {product}, %zero : {sums}
    %exponential = stablehlo.exponential %negative : {sums}
    %below = stablehlo.subtract %exponential, %one : {sums}
    %result = stablehlo.maximum {product}, %below : {sums}
"""
# As `elu_slope`.
_TIMES_ELU_GRADIENT = """
    %value = stablehlo.convert %c0 : ({c}) -> {sums}
    %negative = stablehlo.minimum %value, %zero : {sums}
    %slope = stablehlo.add %negative, %one : {sums}
    %result = stablehlo.multiply %sum0, %slope : {sums}
"""


def elu(a: Shape, b: Shape, *shifts: Shape, number: int = 0, fused: bool = True) -> str:
    """Return a module that computes `product_elu`.

    Args:
        a, b, *shifts: shapes of the arguments of `product_elu`.
        number: number of the module in a graph. XLA joins the computations of equal fusions, and
            then refuses them; a limit that no result reaches makes each one different.
        fused: whether it is marked as one fusion, which only GPUs have.
    """
    sums = _type([a[0], b[1]], 'f32')
    lines = []
    for index, shift in enumerate(shifts):
        exact = _type(shift, 'f32')
        spread = _type([shift[0], a[0] // shift[0], shift[1]], 'f32')
        lines += [
            f'%shift{index} = stablehlo.convert %c{index} : ({_type(shift)}) -> {exact}',
            f'%spread{index} = stablehlo.broadcast_in_dim %shift{index}, dims = [0, 2] : '
            f'({exact}) -> {spread}',
            f'%term{index} = stablehlo.reshape %spread{index} : ({spread}) -> {sums}',
            f'%sum{index + 1} = stablehlo.add %sum{index}, %term{index} : {sums}',
        ]
    body = '\n    '.join(lines) + _ELU.format(product=f'%sum{len(shifts)}', sums=sums)
    return _module(body, 0, [a, b, *shifts], [a[0], b[1]], number, fused)


def times_elu_gradient(a: Shape, b: Shape, y: Shape, number: int = 0, fused: bool = True) -> str:
    """Return a module that computes `product_times_elu_gradient`.

    Args:
        a, b, y: shapes of its arguments.
        number, fused: as of `elu`.
    """
    body = _TIMES_ELU_GRADIENT.format(c=_type(y), sums=_type(y, 'f32'))
    return _module(body, 1, [a, b, y], y, number, fused)


def _module(
    body: str, contracted: int, shapes: Sequence[Shape], result: Shape, number: int, fused: bool
) -> str:
    """Return a module.

    Args:
        body: operations from %sum0, the product of %a and %b, to %result.
        contracted: the dimension of b that the product sums over.
        shapes: of the arguments %a, %b, %c0, %c1, and so on.
        result: shape of the result.
        number, fused: as of `elu`.
    """
    names = ['%a', '%b', *(f'%c{index}' for index in range(len(shapes) - 2))]
    types = [_type(shape) for shape in shapes]
    return _MODULE.format(
        arguments=', '.join(f'{name}: {kind}' for name, kind in zip(names, types)),
        constraints='\n    '.join(
            _CONSTRAINT.format(name=name, kind=kind) for name, kind in zip(names, types)
        ),
        constrained=', '.join(f'{name}_rows' for name in names),
        types=', '.join(types),
        result=_type(result),
        call='stablehlo.custom_call @__cudnn$fusion' if fused else 'func.call @fusion',
        attributes='{called_computations = [@fusion]}' if fused else '',
        contracted=contracted,
        limit=1e38 * (1 + number / 2**20),
        a=types[0],
        b=types[1],
        sums=_type(result, 'f32'),
        body=body,
    )


def _type(shape: Shape, kind: str = 'bf16') -> str:
    return f'tensor<{"x".join(map(str, shape))}x{kind}>'
