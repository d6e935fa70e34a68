"""Loss and gradients of the flow's half of the bound, which takes most of a step's memory, with
more or less of it.
"""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.composite import add_gradients
from tfwolf.core.variables import as_tensorflow, trainable_variables
from tfwolf.models.latent import Inference
from tfwolf.models.terms import Noise
from tfwolf.models.wolf import Wolf
from tfwolf.training.objective import Objective

# What of the forward pass stays in memory for the gradient: everything, the input of each step, or
# v alone.
STORE, RECOMPUTE, REVERSIBLE = MEMORIES = ('store', 'recompute', 'reversible')


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
    """Returns (sums, gradients, z_gradient) of `objective.flow_loss` over this replica's images.

    Whatever the number of parts and the memory, the result is that of the whole batch, but for
        rounding: encoder and prior, whose batch
    norm would notice, have seen all of it before.

    Args:
        model: a `Wolf`.
        objective: an `Objective`.
        global_batch_size: number of images of the step, over all replicas.
        inference: `Inference` of the images.
        images: uint8 `[local_batch, height, width, channels]`.
        noise: `Noise` for them.
        num_parts: into how many equal parts the images are cut.
        memory: one of `MEMORIES`.

    Returns:
        sums: dict of scalars, `flow_loss` and, over all images in nats, each of the flow's terms.
        gradients: list, one for each of `trainable_variables(model.flow)`.
        z_gradient: `[local_batch, latent_dim]`, of `inference.z`; None without z.
    """
    variables = [as_tensorflow(variable) for variable in trainable_variables(model.flow)]
    size = images.shape[0] // num_parts
    # Not slices of the batch, whose size XLA would not know.
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
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            if memory == STORE:
                tape.watch([*condition, *variables])
                terms = model.terms_given(inference, images, noise, training=True)
            else:
                with tape.stop_recording():
                    v, log_det, kept = model.flow.forward_and_keep(
                        model.flow_input(images, noise), memory == RECOMPUTE, inference.z
                    )
                tape.watch([*condition, *variables, v, log_det])
                terms = model.terms_of(inference, v, log_det, training=True)
            loss = objective.flow_loss(terms, global_batch_size)
        if memory == STORE:
            gradients = tape.gradient(loss, [*condition, *variables])
        else:
            *upstream, direct = tape.gradient(loss, [v, log_det, [*condition, *variables]])
            gradients = add_gradients(
                direct, model.flow.backpropagate(v, upstream, variables, kept, inference.z)[2]
            )
        gradients = [
            tf.zeros_like(source) if gradient is None else gradient
            for source, gradient in zip([*condition, *variables], gradients, strict=True)
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
