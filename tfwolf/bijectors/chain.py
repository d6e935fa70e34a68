"""Layers one after the other, with one condition for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import Composite, Visit, VisitBack


class Chain(Composite):
    """y = f_n(... f_1(x)): the log-determinants add up. Unlike `tfb.Chain` the first layer listed
    is applied first.

    Args:
        layers: `FlowBijector`s, the image's side first; at least one.
        name: name of the chain.

    Raises:
        ValueError: if there are no layers, they differ in dtype or in the rank of their events, or
            two of them need a preparation.

    >>> flow = tfwolf.Chain([tfwolf.ActNorm(12), tfwolf.InvertibleConv1x1(12), tfwolf.Coupling.build(12)])
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
            raise ValueError('`layers` must hold at least one layer; got none.')
        kinds = {(layer.dtype, layer.forward_min_event_ndims) for layer in layers}
        if len(kinds) > 1:
            raise ValueError(
                f'`layers` must agree in dtype and event_ndims; got {sorted(map(str, kinds))}.'
            )
        prepared = [layer.name for layer in layers if layer.preparation is not None]
        if len(prepared) > 1:
            raise ValueError(
                f'`layers` may hold one layer that needs a preparation before training; got '
                f'{len(prepared)}: {prepared}.'
            )
        super().__init__(
            event_ndims=layers[0].forward_min_event_ndims, dtype=layers[0].dtype, name=name
        )
        self.layers = layers
        self.event_shape = layers[0].event_shape

    @property
    def parts(self) -> Sequence[FlowBijector]:
        """The layers, the image's side first."""
        return self.layers

    def walk(self, visit: Visit, x: tf.Tensor) -> tf.Tensor:
        """As `Composite.walk`: visits the layers in their order, named by their index."""
        for index, layer in enumerate(self.layers):
            x = visit(str(index), layer, x)
        return x

    def walk_back(self, visit: VisitBack, y: tf.Tensor) -> tf.Tensor:
        """As `Composite.walk_back`: visits the layers in the opposite order."""
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
