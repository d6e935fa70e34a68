"""Loss and gradients of the flow, the part of a step that needs most memory, in three modes."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.base import Gradients
from tfwolf.bijectors.composite import add_gradients
from tfwolf.core.choices import GRADIENT_MEMORIES
from tfwolf.core.variables import as_tensorflow, trainable_variables
from tfwolf.models.latent import Inference
from tfwolf.models.terms import Noise
from tfwolf.models.wolf import Wolf
from tfwolf.training.objective import Objective

# What is kept in memory for the gradient: all activations, the input of each step, or only v.
STORE, RECOMPUTE, REVERSIBLE = GRADIENT_MEMORIES


def flow_gradients(
    model: Wolf,
    objective: Objective,
    global_batch_size: int,
    inference: Inference,
    images: tf.Tensor,
    noise: Noise,
    num_parts: int = 1,
    memory: str = STORE,
) -> tuple[dict[str, tf.Tensor], list[tf.Tensor], tf.Tensor | None]:
    """Return (sums, gradients, z_gradient) of `objective.flow_loss` over this replica's images.

    Except for rounding, the result is that of the whole batch for any `num_parts` and `memory`:
    encoder and prior, whose batch norm depends on the batch, have already processed all of it.

    Args:
        model: a `Wolf`.
        objective: an `Objective`.
        global_batch_size: number of images of the step, over all replicas.
        inference: `Inference` of the images.
        images: uint8 `[local_batch, height, width, channels]`, of a static shape.
        noise: `Noise` for the images.
        num_parts: number of equal parts into which the images are split.
        memory: one of `GRADIENT_MEMORIES`.

    Returns:
        sums: dict of scalars: `flow_loss`, and each term of the flow in nats, summed over images.
        gradients: list, one for each of `trainable_variables(model.flow)`.
        z_gradient: `[local_batch, latent_dim]`, gradient of `inference.z`; None without z.

    Raises:
        ValueError: if the shape of the images is not static.
    """
    batch_size = images.shape[0]
    if batch_size is None:
        raise ValueError(f'`images` must have a static shape; got {images.shape}.')
    variables = [as_tensorflow(variable) for variable in trainable_variables(model.flow)]
    size = batch_size // num_parts
    # Reshaped instead of sliced, because XLA needs static shapes.
    in_parts = tf.nest.map_structure(
        lambda values: (
            None if values is None else tf.reshape(values, [num_parts, size, *values.shape[1:]])
        ),
        (inference, images, noise),
    )

    def part(number):
        inference, images, noise = tf.nest.map_structure(
            lambda values: None if values is None else tf.gather(values, number), in_parts
        )
        condition = [] if inference.z is None else [inference.z]
        sources = [*condition, *variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            if memory == STORE:
                tape.watch(sources)
                terms = model.terms_given(inference, images, noise, training=True)
            else:
                with tape.stop_recording():
                    v, log_det, kept = model.flow.forward_and_keep(
                        model.flow_input(images, noise), memory == RECOMPUTE, inference.z
                    )
                tape.watch([*sources, v, log_det])
                terms = model.terms_of(inference, v, log_det, training=True)
            loss = objective.flow_loss(terms, global_batch_size)
        if memory == STORE:
            gradients = _dense(tape.gradient(loss, sources))
        else:
            of_v, of_log_det, *direct = tape.gradient(loss, [v, log_det, *sources])
            upstream = tf.convert_to_tensor(of_v), tf.convert_to_tensor(of_log_det)
            gradients = add_gradients(
                _dense(direct),
                model.flow.backpropagate(v, upstream, variables, kept, inference.z)[2],
            )
        gradients = [
            tf.zeros_like(source) if gradient is None else gradient
            for source, gradient in zip(sources, gradients, strict=True)
        ]
        nats = {
            'reconstruction_nats': terms.reconstruction_nats,
            'dequantization_nats': terms.dequantization_nats,
            **{f'auxiliary_{name}_nats': values for name, values in terms.auxiliary_nats.items()},
        }
        sums = {'flow_loss': loss, **{name: tf.reduce_sum(values) for name, values in nats.items()}}
        return sums, gradients[len(condition) :], gradients[: len(condition)]

    def next_part(number, totals, z_gradients):
        sums, gradients, z_gradient = part(number)
        totals = tf.nest.map_structure(tf.add, totals, (sums, gradients))
        return (
            number + 1,
            totals,
            [array.write(number, value) for array, value in zip(z_gradients, z_gradient)],
        )

    sums, gradients, z_gradient = part(0)
    if num_parts > 1:
        arrays = [
            tf.TensorArray(value.dtype, num_parts, element_shape=value.shape).write(0, value)
            for value in z_gradient
        ]
        _, (sums, gradients), arrays = tf.while_loop(
            lambda number, *_: number < num_parts,
            next_part,
            (tf.constant(1), (sums, gradients), arrays),
            parallel_iterations=1,
            maximum_iterations=num_parts - 1,
        )
        z_gradient = [array.concat() for array in arrays]
    return sums, gradients, z_gradient[0] if z_gradient else None


def _dense(gradients: Sequence[tf.Tensor | tf.IndexedSlices | None]) -> Gradients:
    """Return gradients as tensors, None for a zero gradient."""
    return [None if gradient is None else tf.convert_to_tensor(gradient) for gradient in gradients]
