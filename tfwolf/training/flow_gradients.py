"""Loss and gradients of the flow's half of the bound, the batch in parts: the flow takes most of a step's memory."""
import tensorflow as tf

from tfwolf.variables import as_tensorflow, trainable_variables


def flow_gradients(model, objective, global_batch_size, inference, images, noise, num_parts):
    """Returns (sums, gradients, z_gradient) of `objective.flow_loss` over this replica's images.

    Whatever the number of parts, the result is that of the whole batch, but for rounding: encoder and prior, whose batch norm would
    notice, have seen all of it before.

    Args:
        model: a `Wolf`.
        objective: an `Objective`.
        global_batch_size: number of images of the step, over all replicas.
        inference: `Inference` of the images.
        images: uint8 `[local_batch, height, width, channels]`.
        noise: `Noise` for them.
        num_parts: into how many equal parts the images are cut.

    Returns:
        sums: dict of scalars, `flow_loss` and, over all images in nats, each of the flow's terms.
        gradients: list, one for each of `trainable_variables(model.flow)`.
        z_gradient: `[local_batch, latent_dim]`, of `inference.z`; None without z.
    """
    variables = [as_tensorflow(variable) for variable in trainable_variables(model.flow)]
    whole = (inference, images, noise)
    size = images.shape[0] // num_parts

    def part(number):
        rows = slice(number * size, (number + 1) * size)
        inference, images, noise = tf.nest.map_structure(lambda values: None if values is None else values[rows], whole)
        sources = variables if inference.z is None else [*variables, inference.z]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            terms = model.terms_given(inference, images, noise, training=True)
            loss = objective.flow_loss(terms, global_batch_size)
        gradients = tape.gradient(loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        nats = {'reconstruction_nats': terms.reconstruction_nats, 'dequantization_nats': terms.dequantization_nats,
                **{f'auxiliary_{name}_nats': values for name, values in terms.auxiliary_nats.items()}}
        sums = {'flow_loss': loss, **{name: tf.reduce_sum(values) for name, values in nats.items()}}
        return sums, gradients[:len(variables)], gradients[len(variables):]

    def next_part(number, totals, z_gradients):
        sums, gradients, z_gradient = part(number)
        totals = tf.nest.map_structure(tf.add, totals, (sums, gradients))
        return number + 1, totals, [array.write(number, value) for array, value in zip(z_gradients, z_gradient)]

    sums, gradients, z_gradient = part(0)
    if num_parts > 1:
        arrays = [tf.TensorArray(value.dtype, num_parts, element_shape=value.shape).write(0, value) for value in z_gradient]
        _, (sums, gradients), arrays = tf.while_loop(
            lambda number, *_: number < num_parts, next_part, (tf.constant(1), (sums, gradients), arrays), parallel_iterations=1,
            maximum_iterations=num_parts - 1)
        z_gradient = [array.concat() for array in arrays]
    return sums, gradients, z_gradient[0] if z_gradient else None
