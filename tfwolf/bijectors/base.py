"""The base class of all invertible layers.

Direction: `forward` maps an image x towards the latent v, `inverse` generates. As a density of x,
`tfp.distributions.TransformedDistribution(N(0, I), tfb.Invert(flow))`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfwolf.bijectors.batch_shape import check_one_batch_dimension
from tfwolf.bijectors.log_det_terms import Terms, evenly_spread, spread_terms, sum_of_terms
from tfwolf.bijectors.tfp_contract import OnePassBijector

Pass = tuple[tf.Tensor, tf.Tensor]
Kept = tuple[tf.Tensor, tf.Tensor, Any]
Gradients = list[tf.Tensor | None]


class FlowBijector(OnePassBijector):
    """An invertible layer y = f(x; condition) over events `[height, width, channels]` or
    `[features]`.

    A layer writes two methods, `_forward_terms` and `_inverse_terms`. Each returns the value and
    the *terms* of the
    log-determinant: what each dimension contributes, as a tensor that broadcasts to the value
        (`[channels]` for one
    scale per channel, a scalar where all dimensions contribute alike). Log-determinants, TFP's
    methods, training and contributions per dimension follow from them. A layer that knows only its
    whole log-determinant writes `forward_and_log_det` and `inverse_and_log_det` instead.

    Args:
        event_ndims: 3 for images, 1 for vectors.
        dtype: floating type of the weights, of x and of the log-determinants.
        name: a valid TensorFlow name.
    """

    # What has to come before training, or None; see `tfwolf.models.preparation`.
    preparation: Any | None = None
    # Whether training sends an image through statistics of the whole batch.
    normalizes_over_batch: bool = False

    def _forward_terms(
        self, x: tf.Tensor, condition: tf.Tensor | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        """Returns y and the terms of log|det dy/dx|, in nats, which broadcast to y.

        Args:
            x: `[batch, ...]`.
            condition: `[batch, condition_dim]` or None.
            training: whether weights are being trained; a layer that normalises over the batch then
                takes the batch's statistics.
        """
        if not self._gives_log_det:
            raise NotImplementedError(
                f'{type(self).__name__} must write `_forward_terms`, or `forward_and_log_det`.'
            )
        y, log_det = self.forward_and_log_det(x, condition)
        return y, evenly_spread(log_det, x)

    def _inverse_terms(self, y: tf.Tensor, condition: tf.Tensor | None) -> tuple[tf.Tensor, Terms]:
        """Returns x and the terms of log|det dx/dy|, in nats, which broadcast to x; arguments as in
        `_forward_terms`.
        """
        raise NotImplementedError(
            f'{type(self).__name__} must write `_inverse_terms`, or `inverse_and_log_det`.'
        )

    def forward_and_log_det(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> Pass:
        """Returns y = f(x; condition), `[batch, ...]`, and log|det dy/dx|, `[batch]`, in nats.

        Args:
            x: `[batch, height, width, channels]` or `[batch, features]`.
            condition: `[batch, condition_dim]`, or None for a layer without one.

        Raises:
            ValueError: if x has not exactly one batch dimension.
        """
        self._check_rank(x)
        y, terms = self._forward_terms(x, condition, training=False)
        return y, sum_of_terms(terms, y)

    def inverse_and_log_det(self, y: tf.Tensor, condition: tf.Tensor | None = None) -> Pass:
        """Returns x = f^-1(y; condition) and log|det dx/dy|, `[batch]`, in nats; arguments as in
        `forward_and_log_det`.
        """
        self._check_rank(y)
        x, terms = self._inverse_terms(y, condition)
        return x, sum_of_terms(terms, x)

    def forward_in_training(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> Pass:
        """Returns what `forward_and_log_det` does, while weights are trained; differs where a layer
        normalises over the batch.

        Such a layer takes the statistics of the global batch and moves its running averages. Call
        it within the strategy's `run`.

        Args:
            x, condition: as in `forward_and_log_det`.
        """
        if self._gives_log_det:
            return self.forward_and_log_det(x, condition)
        self._check_rank(x)
        y, terms = self._forward_terms(x, condition, training=True)
        return y, sum_of_terms(terms, y)

    def forward_with_contributions(
        self, x: tf.Tensor, contributions: tf.Tensor, condition: tf.Tensor | None = None
    ) -> Pass:
        """Returns y and what each of its dimensions has contributed to the log-determinant so far,
        both of y's shape, in nats.

        The sum over an image grows by the layer's log-determinant. A layer that is not
        element-wise, such as a 1x1 convolution, has its log-determinant spread evenly; one that
        moves dimensions takes their contributions along.

        Args:
            x: `[batch, ...]`.
            contributions: of x's shape, what the layers before have contributed.
            condition: as in `forward_and_log_det`.

        Reference: Das, Abbeel and Spanos, "Likelihood Contribution based Multi-scale Architecture",
            2019, arXiv:1908.01686, equation 9.
        """
        y, terms = self._forward_terms(x, condition, training=False)
        return y, contributions + spread_terms(terms)

    def forward_and_keep(
        self, x: tf.Tensor, keep: bool, condition: tf.Tensor | None = None
    ) -> Kept:
        """Returns y, the log-determinant `[batch]` in nats, and what `backpropagate` needs besides
        y.

        Call it outside of a gradient tape, which would store all that happens inside.

        Args:
            x: `[batch, ...]`.
            keep: whether x is kept; else `backpropagate` rebuilds it from y.
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
        condition: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, Gradients]:
        """Returns the layer's input, the gradient of the loss with respect to it, and the gradients
        of everything else.

        The layer runs once more, forward from x, and only for this time its inner values are in
        memory.

        Args:
            y: `[batch, ...]`, the layer's output.
            upstream: (gradient with respect to y, gradient with respect to the log-determinant
                `[batch]`).
            weights: variables or tensors, those of this layer among them.
            kept: what `forward_and_keep` returned: x, or None, and x = f^-1(y).
            condition: as in `forward_and_log_det`.

        Returns:
            x, its gradient (of x's shape), and a list of gradients with respect to `[condition,
                *weights]` (without a
            condition, of the weights alone), None where the layer does not depend on it.

        Reference: Gomez et al., "The Reversible Residual Network: Backpropagation Without Storing
            Activations", 2017, arXiv:1707.04585;
        for kept inputs Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016,
        arXiv:1604.06174.
        """
        x = self.inverse_and_log_det(y, condition)[0] if kept is None else kept
        sources = [x, *([] if condition is None else [condition]), *weights]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            outputs = self.forward_in_training(x, condition)
        gradient, *others = tape.gradient(outputs, sources, upstream)
        return x, gradient, others

    def auxiliary_losses(
        self, v: tf.Tensor, condition: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Returns `{name: [batch]}`, what training adds to the loss besides the likelihood, in bits
        per dimension; mostly nothing.

        Args:
            v: `[batch, ...]`, the layer's output.
            condition: as in `forward_and_log_det`.
        """
        return {}

    @property
    def has_auxiliary_losses(self) -> bool:
        """Whether `auxiliary_losses` may return something."""
        return type(self).auxiliary_losses is not FlowBijector.auxiliary_losses

    @property
    def auxiliary_losses_read_v(self) -> bool:
        """Whether `auxiliary_losses` reads the values of v, and not only its shape."""
        return self.has_auxiliary_losses

    def initialize(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> None:
        """Sets weights that are initialised from data, given the layer's input; most layers have
        none.

        Called once, eagerly, before the first step, by `Composite.initialize_and_forward`.

        Args:
            x: `[batch, ...]`, the layer's input for a batch of real images.
            condition: `[batch, condition_dim]` or None.
        """

    def initialize_and_forward(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """Initialises the layer and returns its output for the same batch."""
        self.initialize(x, condition)
        return self.forward_and_log_det(x, condition)[0]

    @property
    def _gives_log_det(self) -> bool:
        return type(self).forward_and_log_det is not FlowBijector.forward_and_log_det

    def _check_rank(self, x: tf.Tensor) -> None:
        check_one_batch_dimension(x, self.forward_min_event_ndims, self.event_shape)
