"""Loss and gradients of the flow, the part of a step that needs most memory, in three modes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import tensorflow as tf

from tfwolf.bijectors.base import Gradients, Pass
from tfwolf.bijectors.composite import add_gradients
from tfwolf.core.choices import GRADIENT_MEMORIES
from tfwolf.core.variables import as_tensorflow, trainable_variables
from tfwolf.models.latent import Inference
from tfwolf.models.terms import Noise, Terms
from tfwolf.models.wolf import Wolf
from tfwolf.nets.condition import tensors_of
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
) -> tuple[dict[str, tf.Tensor], list[tf.Tensor], list[tf.Tensor]]:
    """Return (sums, gradients, upstream) of `objective.flow_loss` over this replica's images.

    Except for rounding, the result is that of the whole batch for any `num_parts` and `memory`:
    encoders and prior, whose batch norm depends on the batch, have already processed all of it.

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
        gradients: list, one for each of `flow_variables(model)`.
        upstream: gradients of `inference.trained`.

    Raises:
        ValueError: if the shape of the images is not static.
    """
    batch_size = images.shape[0]
    if batch_size is None:
        raise ValueError(f'`images` must have a static shape; got {images.shape}.')
    variables, is_learned = flow_variables(model), model.dequantizer.is_learned
    size = batch_size // num_parts

    def rows(values, number):
        if values is None or num_parts == 1:
            return values
        # Reshaped, because XLA needs static shapes.
        return tf.reshape(values, [num_parts, size, *values.shape[1:]])[number]

    of_batch = inference, images, noise

    def part(number):
        inference, images, noise = tf.nest.map_structure(
            lambda values: rows(values, number), of_batch
        )
        given = inference.trained
        sources = [*given, *variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            x, dequantizer_nats = model.dequantized(inference, images, noise, training=True)
            if memory == STORE:
                outputs = model.flow.forward_in_training(x, inference.condition)
                terms = model.terms_of(inference, dequantizer_nats, *outputs, training=True)
                loss = objective.flow_loss(terms, global_batch_size)
        if memory == STORE:
            gradients = _dense(tape.gradient(loss, sources))
        else:
            loss, terms, of_input, direct = _rebuilt(
                model,
                lambda terms: objective.flow_loss(terms, global_batch_size),
                inference,
                x,
                dequantizer_nats,
                sources,
                memory,
            )
            gradients = direct
            if is_learned:
                through = tape.gradient([x, dequantizer_nats], sources, of_input)
                gradients = add_gradients(direct, _dense(through))
        gradients = [
            tf.zeros_like(source) if gradient is None else gradient
            for source, gradient in zip(sources, gradients, strict=True)
        ]
        nats = {
            'reconstruction_nats': terms.reconstruction_nats,
            'dequantization_nats': terms.dequantization_nats,
            **({'dequantizer_nats': terms.dequantizer_nats} if is_learned else {}),
            **{f'auxiliary_{name}_nats': values for name, values in terms.auxiliary_nats.items()},
        }
        sums = {'flow_loss': loss, **{name: tf.reduce_sum(values) for name, values in nats.items()}}
        return sums, gradients[len(given) :], gradients[: len(given)]

    def next_part(number, totals, upstreams):
        sums, gradients, upstream = part(number)
        totals = tf.nest.map_structure(tf.add, totals, (sums, gradients))
        return (
            number + 1,
            totals,
            [array.write(number, value) for array, value in zip(upstreams, upstream)],
        )

    sums, gradients, upstream = part(0)
    if num_parts > 1:
        arrays = [
            tf.TensorArray(value.dtype, num_parts, element_shape=value.shape).write(0, value)
            for value in upstream
        ]
        _, (sums, gradients), arrays = tf.while_loop(
            lambda number, *_: number < num_parts,
            next_part,
            (tf.constant(1), (sums, gradients), arrays),
            parallel_iterations=1,
            maximum_iterations=num_parts - 1,
        )
        upstream = [array.concat() for array in arrays]
    return sums, gradients, upstream


def flow_variables(model: Wolf) -> list[tf.Variable]:
    """Return the trainable variables of the model's flows, in a fixed order."""
    return [
        as_tensorflow(variable)
        for flow in model.trained_flows
        for variable in trainable_variables(flow)
    ]


def _rebuilt(
    model: Wolf,
    loss_of: Callable[[Terms], tf.Tensor],
    inference: Inference,
    x: tf.Tensor,
    dequantizer_nats: tf.Tensor,
    sources: Sequence[tf.Tensor | tf.Variable],
    memory: str,
) -> tuple[tf.Tensor, Terms, list[tf.Tensor], Gradients]:
    """Return the loss, its terms and gradients without storing the activations of the flow.

    Args:
        model, inference, memory: as in `flow_gradients`.
        loss_of: function from the terms to the loss.
        x: the flow's input.
        dequantizer_nats: log q(u|x), `[batch]`.
        sources: what the loss is differentiated with respect to, through the flow and directly.

    Returns:
        loss, terms, the gradients `[of x, of dequantizer_nats]`, and those of the sources.
    """
    condition = inference.condition
    v, log_det, kept = model.flow.forward_and_keep(x, memory == RECOMPUTE, condition)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([*sources, v, log_det, dequantizer_nats])
        terms = model.terms_of(inference, dequantizer_nats, v, log_det, training=True)
        loss = loss_of(terms)
    of_v, of_log_det, of_nats, *direct = _dense(
        tape.gradient(loss, [v, log_det, dequantizer_nats, *sources])
    )
    upstream = cast(Pass, (of_v, of_log_det))
    weights = sources[len(inference.trained) :]
    _, of_x, found = model.flow.backpropagate(v, upstream, weights, kept, condition)
    gradient_of = dict(zip(map(id, [*tensors_of(condition), *weights]), found, strict=True))
    through_flow = [gradient_of.get(id(source)) for source in sources]
    return loss, terms, cast(list, [of_x, of_nats]), add_gradients(direct, through_flow)


def _dense(gradients: Sequence[tf.Tensor | tf.IndexedSlices | None]) -> Gradients:
    """Return gradients as tensors, None for a zero gradient."""
    return [None if gradient is None else tf.convert_to_tensor(gradient) for gradient in gradients]
