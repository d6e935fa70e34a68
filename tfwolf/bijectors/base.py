"""The base class of all invertible layers.

`forward` maps an image x to the latent v; `inverse` maps v back to x. The density of x is
`tfp.distributions.TransformedDistribution(N(0, I), tfb.Invert(flow))`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import tensorflow as tf

from tfwolf.bijectors.batch_shape import check_one_batch_dimension
from tfwolf.bijectors.log_det_terms import Terms, evenly_spread, spread_terms, sum_of_terms
from tfwolf.bijectors.preparation import Preparation
from tfwolf.bijectors.tfp_contract import OnePassBijector
from tfwolf.nets.condition import Condition, tensors_of

Pass = tuple[tf.Tensor, tf.Tensor]
Kept = tuple[tf.Tensor, tf.Tensor, Any]
Gradients = list[tf.Tensor | None]


class FlowBijector(OnePassBijector):
    """An invertible layer y = f(x; condition); x is `[height, width, channels]` or `[features]`.

    A subclass defines `_forward_terms` and `_inverse_terms`. Each returns the value and the *terms*
    of the log-determinant: the contribution of each dimension, as a tensor that broadcasts to the
    value (`[channels]` for one scale per channel, a scalar if all dimensions contribute equally).
    Log-determinants, TFP's methods, training and contributions per dimension are derived from
    these. A layer for which only the total log-determinant is available defines
    `forward_and_log_det` and `inverse_and_log_det` instead.

    Args:
        event_ndims: 3 for images, 1 for vectors.
        dtype: floating type of the weights, of x and of the log-determinants.
        name: a valid TensorFlow name.
    """

    # A training phase that must come first, or None.
    preparation: Preparation | None = None
    # Whether the layer uses statistics of the whole batch in training.
    normalizes_over_batch: bool = False

    def _forward_terms(
        self, x: tf.Tensor, condition: Condition | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        """Return y and the terms of log|det dy/dx|, in nats, which broadcast to y.

        Args:
            x: `[batch, ...]`.
            condition: a `Condition` or None.
            training: whether weights are being trained. A layer that normalizes over the batch then
                uses the statistics of the batch.
        """
        if not self._defines_log_det:
            raise NotImplementedError(
                f'{type(self).__name__} must define `_forward_terms` or `forward_and_log_det`.'
            )
        y, log_det = self.forward_and_log_det(x, condition)
        return y, evenly_spread(log_det, x)

    def _inverse_terms(self, y: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, Terms]:
        """Return x and the terms of log|det dx/dy|, in nats, which broadcast to x.

        Arguments are those of `_forward_terms`.
        """
        raise NotImplementedError(
            f'{type(self).__name__} must define `_inverse_terms` or `inverse_and_log_det`.'
        )

    def forward_and_log_det(self, x: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Return y = f(x; condition), `[batch, ...]`, and log|det dy/dx|, `[batch]`, in nats.

        Args:
            x: `[batch, height, width, channels]` or `[batch, features]`.
            condition: `[batch, condition_dim]`, `[batch, height, width, condition_channels]` or
                both (`VectorAndImage`); None for a layer without a condition.

        Raises:
            ValueError: if x does not have exactly one batch dimension.
        """
        self._check_rank(x)
        y, terms = self._forward_terms(x, condition, training=False)
        return y, sum_of_terms(terms, y)

    def inverse_and_log_det(self, y: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Return x = f^-1(y; condition) and log|det dx/dy|, `[batch]`, in nats.

        Arguments and errors are those of `forward_and_log_det`.
        """
        self._check_rank(y)
        x, terms = self._inverse_terms(y, condition)
        return x, sum_of_terms(terms, x)

    def forward_in_training(self, x: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Return the output and log-determinant as in training.

        The result differs from `forward_and_log_det` for layers that normalize over the batch: they
        use the statistics of the global batch and update their running averages. Call it within
        the `run` method of the distribution strategy.

        Args:
            x, condition: as in `forward_and_log_det`.
        """
        if self._defines_log_det:
            return self.forward_and_log_det(x, condition)
        self._check_rank(x)
        y, terms = self._forward_terms(x, condition, training=True)
        return y, sum_of_terms(terms, y)

    def forward_with_contributions(
        self, x: tf.Tensor, contributions: tf.Tensor, condition: Condition | None = None
    ) -> Pass:
        """Return y and the accumulated contribution of each dimension of y to the log-determinant.

        Contributions have y's shape and are in nats. Their sum over an image grows by the layer's
        log-determinant. A layer that is not element-wise, such as a 1x1 convolution, spreads its
        log-determinant evenly. A layer that reorders dimensions reorders their contributions too.

        Args:
            x: `[batch, ...]`.
            contributions: contributions of the previous layers, of x's shape.
            condition: as in `forward_and_log_det`.

        Reference: Das, Abbeel and Spanos, "Likelihood Contribution based Multi-scale Architecture",
            2019, arXiv:1908.01686, equation 9.
        """
        y, terms = self._forward_terms(x, condition, training=False)
        return y, contributions + spread_terms(terms)

    def forward_and_keep(
        self, x: tf.Tensor, keep: bool, condition: Condition | None = None
    ) -> Kept:
        """Return y, the log-determinant `[batch]` in nats, and what `backpropagate` needs with y.

        Call it outside a gradient tape; a tape would store all intermediate values.

        Args:
            x: `[batch, ...]`.
            keep: whether to keep x. If False, `backpropagate` recomputes it from y.
            condition: as in `forward_and_log_det`.
        """
        y, log_det = self.forward_in_training(x, condition)
        return y, log_det, x if keep else None

    def backpropagate(
        self,
        y: tf.Tensor,
        upstream: Pass,
        weights: Sequence[tf.Tensor | tf.Variable],
        kept: Any = None,
        condition: Condition | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, Gradients]:
        """Return the layer's input, its gradient, and the gradients of condition and weights.

        The layer runs forward from x once more, and its intermediate values are in memory only
        during this call.

        Args:
            y: `[batch, ...]`, the layer's output.
            upstream: gradients of the loss with respect to y and to the log-determinant `[batch]`.
            weights: variables or tensors, including those of this layer.
            kept: value from `forward_and_keep`: x, or None to compute x = f^-1(y).
            condition: as in `forward_and_log_det`.

        Returns:
            x, its gradient (of x's shape), and the list of gradients with respect to
            `[*tensors_of(condition), *weights]`. An entry is None if the layer does not depend on
            that source.

        Reference: Gomez et al., "The Reversible Residual Network: Backpropagation Without Storing
            Activations", 2017, arXiv:1707.04585; for kept inputs Chen et al., "Training Deep Nets
            with Sublinear Memory Cost", 2016, arXiv:1604.06174.
        """
        x = self.inverse_and_log_det(y, condition)[0] if kept is None else kept
        sources = [x, *tensors_of(condition), *weights]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            outputs = self.forward_in_training(x, condition)
        gradient, *others = tape.gradient(outputs, sources, list(upstream))
        return x, cast(tf.Tensor, gradient), cast(Gradients, others)

    def auxiliary_losses(
        self, v: tf.Tensor, condition: Condition | None = None
    ) -> dict[str, tf.Tensor]:
        """Return additional training losses, `{name: [batch]}`, in bits per dimension.

        Most layers have none.

        Args:
            v: `[batch, ...]`, the layer's output.
            condition: as in `forward_and_log_det`.
        """
        return {}

    @property
    def has_auxiliary_losses(self) -> bool:
        """Whether `auxiliary_losses` may return a loss."""
        return type(self).auxiliary_losses is not FlowBijector.auxiliary_losses

    @property
    def auxiliary_losses_read_v(self) -> bool:
        """Whether `auxiliary_losses` reads the values of v, not only its shape."""
        return self.has_auxiliary_losses

    def initialize(self, x: tf.Tensor, condition: Condition | None = None) -> None:
        """Set the weights that are initialized from data; most layers have none.

        Called once, eagerly, before the first step, by `Composite.initialize_and_forward`.

        Args:
            x: `[batch, ...]`, the layer's input for a batch of real images.
            condition: as in `forward_and_log_det`.
        """

    def initialize_and_forward(self, x: tf.Tensor, condition: Condition | None = None) -> tf.Tensor:
        """Initialize the layer and return its output for the same batch."""
        self.initialize(x, condition)
        return self.forward_and_log_det(x, condition)[0]

    @property
    def _defines_log_det(self) -> bool:
        return type(self).forward_and_log_det is not FlowBijector.forward_and_log_det

    def _check_rank(self, x: tf.Tensor) -> None:
        check_one_batch_dimension(x, self.forward_min_event_ndims, self.event_shape)
