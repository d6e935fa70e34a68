"""A sequence of layers that share one condition."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import Composite, Visit, VisitBack


class Chain(Composite):
    """y = f_n(... f_1(x)); the log-determinant is the sum over the layers.

    Unlike in `tfb.Chain`, the first layer of the list is applied first.

    Args:
        layers: `FlowBijector`s in the order in which x passes them; at least one.
        name: name of the chain.

    Raises:
        ValueError: if there are no layers, they differ in dtype or in the rank of their events, or
            more than one needs a preparation.

    >>> flow = tfwolf.Chain(
    ...     [tfwolf.ActNorm(12), tfwolf.InvertibleConv1x1(12), tfwolf.Coupling.build(12)]
    ... )
    >>> x = np.random.default_rng(0).normal(size=[2, 4, 4, 12]).astype(np.float32)
    >>> y, log_det = flow.forward_and_log_det(tf.constant(x))
    >>> y.shape, log_det.shape
    (TensorShape([2, 4, 4, 12]), TensorShape([2]))
    >>> bool(np.allclose(flow.inverse(y), x, atol=1e-4))
    True
    """

    def __init__(self, layers: Sequence[FlowBijector], name: str = 'chain') -> None:
        layers = list(layers)
        if not layers:
            raise ValueError('`layers` must contain at least one layer; got an empty list.')
        kinds = {(layer.dtype, layer.forward_min_event_ndims) for layer in layers}
        if len(kinds) > 1:
            raise ValueError(
                f'`layers` must agree in dtype and event_ndims; got {sorted(map(str, kinds))}.'
            )
        prepared = [layer.name for layer in layers if layer.preparation is not None]
        if len(prepared) > 1:
            raise ValueError(
                '`layers` may contain at most one layer that needs a preparation before training; '
                f'got {len(prepared)}: {prepared}.'
            )
        super().__init__(
            event_ndims=layers[0].forward_min_event_ndims, dtype=layers[0].dtype, name=name
        )
        self.layers = layers
        self.event_shape = layers[0].event_shape

    @property
    def parts(self) -> Sequence[FlowBijector]:
        """The layers in the order in which x passes them."""
        return self.layers

    def walk(self, visit: Visit, x: tf.Tensor) -> tf.Tensor:
        """Visit the layers in order, each named by its index; see `Composite.walk`."""
        for index, layer in enumerate(self.layers):
            x = visit(str(index), layer, x)
        return x

    def walk_back(self, visit: VisitBack, y: tf.Tensor) -> tf.Tensor:
        """Visit the layers in reverse order; see `Composite.walk_back`."""
        for layer in reversed(self.layers):
            y = visit(layer, y)
        return y

    def _forward_event_shape(self, shape: tf.TensorShape) -> tf.TensorShape:
        for layer in self.layers:
            shape = layer.forward_event_shape(shape)
        return shape

    def _inverse_event_shape(self, shape: tf.TensorShape) -> tf.TensorShape:
        for layer in reversed(self.layers):
            shape = layer.inverse_event_shape(shape)
        return shape

    def _forward_event_shape_tensor(self, shape: tf.Tensor) -> tf.Tensor:
        for layer in self.layers:
            shape = layer.forward_event_shape_tensor(shape)
        return shape

    def _inverse_event_shape_tensor(self, shape: tf.Tensor) -> tf.Tensor:
        for layer in reversed(self.layers):
            shape = layer.inverse_event_shape_tensor(shape)
        return shape
