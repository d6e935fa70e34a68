"""Layers one after the other, with one condition for all of them."""
from tfwolf.bijectors.composite import Composite


class Chain(Composite):
    """y = f_n(... f_1(x)): the log-determinants add up. Unlike `tfb.Chain` the first layer listed is applied first.

    Args:
        layers: `FlowBijector`s, the image's side first; at least one.
        name: name of the chain.

    Raises:
        ValueError: if there are no layers, or they differ in dtype or in the rank of their events.
    """

    def __init__(self, layers, name='chain'):
        layers = list(layers)
        if not layers:
            raise ValueError('`layers` must hold at least one layer; got none.')
        kinds = {(layer.dtype, layer.forward_min_event_ndims) for layer in layers}
        if len(kinds) > 1:
            raise ValueError(f'`layers` must agree in dtype and event_ndims; got {sorted(map(str, kinds))}.')
        super().__init__(event_ndims=layers[0].forward_min_event_ndims, dtype=layers[0].dtype, name=name)
        self.layers = layers

    def walk(self, visit, x):
        """As `Composite.walk`: visits the layers in their order, named by their index."""
        for index, layer in enumerate(self.layers):
            x = visit(str(index), layer, x)
        return x

    def walk_back(self, visit, y):
        """As `Composite.walk_back`: visits the layers in the opposite order."""
        for layer in reversed(self.layers):
            y = visit(layer, y)
        return y

    def _forward_event_shape(self, shape):
        for layer in self.layers:
            shape = layer.forward_event_shape(shape)
        return shape

    def _inverse_event_shape(self, shape):
        for layer in reversed(self.layers):
            shape = layer.inverse_event_shape(shape)
        return shape

    def _forward_event_shape_tensor(self, shape):
        for layer in self.layers:
            shape = layer.forward_event_shape_tensor(shape)
        return shape

    def _inverse_event_shape_tensor(self, shape):
        for layer in reversed(self.layers):
            shape = layer.inverse_event_shape_tensor(shape)
        return shape
