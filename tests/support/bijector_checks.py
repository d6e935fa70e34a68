"""Property checks that every bijector must pass."""

import numpy as np
import tensorflow as tf

from tfwolf.core.compilation import compile_layers
from tfwolf.core.variables import as_tensorflow, named_variables, trainable_variables
from tfwolf.nets.condition import tensors_of, with_tensors

TOLERANCE = {tf.float64: 1e-10, tf.float32: 1e-4}


def move_weights(module, scale=0.1, seed=0):
    """Adds noise to every trainable weight, so that nothing is at its initial value."""
    random = np.random.default_rng(seed)
    for _, variable in named_variables(module):
        if variable.trainable:
            as_tensorflow(variable).assign_add(
                tf.cast(scale * random.standard_normal(variable.shape), variable.dtype)
            )


def log_det_by_autodiff(bijector, x, condition):
    """Returns log|det| of the Jacobian that automatic differentiation gives, `[batch]`."""
    result = []
    size = int(np.prod(x.shape[1:]))
    for index in range(x.shape[0]):
        # As many copies as dimensions: the gradient of copy d's d-th output is row d of the
        # Jacobian.
        copies, *given = (
            tf.repeat(part[index : index + 1], size, axis=0) for part in (x, *tensors_of(condition))
        )
        with tf.GradientTape() as tape:
            tape.watch(copies)
            y = bijector.forward_and_log_det(copies, with_tensors(condition, given))[0]
            outputs = tf.linalg.diag_part(tf.reshape(y, [size, size]))
        jacobian = tf.reshape(tape.gradient(outputs, copies), [size, size])
        result.append(np.linalg.slogdet(jacobian.numpy().astype(np.float64))[1])
    return np.array(result)


def check_bijector(bijector, x, condition=None):
    """Checks inverse, log-determinants, dtype, shapes, TFP's methods and gradients for x `[batch,
    ...]`.

    The condition is a vector or an image for each row of x, a `VectorAndImage` of both, or None.
    """
    tolerance = TOLERANCE[bijector.dtype]
    x = tf.constant(x, bijector.dtype)
    condition = with_tensors(
        condition, [tf.constant(part, bijector.dtype) for part in tensors_of(condition)]
    )
    y, log_det = bijector.forward_and_log_det(x, condition)
    back, inverse_log_det = bijector.inverse_and_log_det(tf.identity(y), condition)
    assert y.dtype == log_det.dtype == back.dtype == bijector.dtype
    assert log_det.shape == inverse_log_det.shape == (x.shape[0],)
    np.testing.assert_allclose(back, x, atol=tolerance)
    np.testing.assert_allclose(log_det, -inverse_log_det, atol=100 * tolerance)
    np.testing.assert_allclose(
        log_det, log_det_by_autodiff(bijector, x, condition), atol=100 * tolerance
    )
    compiled = tf.function(bijector.forward_and_log_det, autograph=False)(x, condition)
    np.testing.assert_allclose(compiled[0], y, atol=tolerance)
    np.testing.assert_allclose(compiled[1], log_det, atol=100 * tolerance)
    event_ndims = bijector.forward_min_event_ndims
    kwargs = {} if condition is None else {'condition': condition}
    np.testing.assert_array_equal(bijector.forward(x, **kwargs), y)
    np.testing.assert_array_equal(
        bijector.forward_log_det_jacobian(x, event_ndims=event_ndims, **kwargs), log_det
    )
    np.testing.assert_array_equal(bijector.inverse(y, **kwargs), back)
    assert bijector.forward_event_shape(x.shape[1:]) == y.shape[1:]
    assert bijector.inverse_event_shape(y.shape[1:]) == x.shape[1:]
    check_gradients(bijector, x, condition)
    if not bijector.normalizes_over_batch:
        check_backpropagation(bijector, x, condition)


def check_gradients(bijector, x, condition):
    """Checks that a gradient that is finite and not zero reaches every trainable variable."""
    named = [(path, variable) for path, variable in named_variables(bijector) if variable.trainable]
    weights = tf.constant(np.random.default_rng(1).standard_normal(x.shape), x.dtype)
    with tf.GradientTape() as tape:
        y, log_det = bijector.forward_and_log_det(x, condition)
        loss = tf.reduce_sum(weights * tf.square(y)) + tf.reduce_sum(log_det)
    gradients = tape.gradient(loss, [variable for _, variable in named])
    for (path, _), gradient in zip(named, gradients, strict=True):
        assert gradient is not None and np.all(np.isfinite(gradient)), path
        assert np.max(np.abs(gradient)) > 0, path


def check_backpropagation(bijector, x, condition):
    """Checks that gradients from kept or rebuilt inputs are those of a tape over the whole."""
    given = tensors_of(condition)
    weights = [variable for _, variable in named_variables(bijector) if variable.trainable]
    random = np.random.default_rng(2)
    upstream = [
        tf.constant(random.standard_normal(shape), x.dtype) for shape in (x.shape, x.shape[:1])
    ]
    with tf.GradientTape() as tape:
        tape.watch([x, *given])
        expected_outputs = bijector.forward_and_log_det(x, condition)
    expected_x, *expected = tape.gradient(expected_outputs, [x, *given, *weights], upstream)
    tolerance = 100 * TOLERANCE[bijector.dtype]

    @tf.function(autograph=False)
    def backpropagate(keep):
        y, log_det, kept = bijector.forward_and_keep(x, keep, condition)
        return (y, log_det), bijector.backpropagate(y, upstream, weights, kept, condition)

    for keep in (True, False):
        outputs, (rebuilt, x_gradient, gradients) = backpropagate(keep)
        for found, wanted in zip(
            [*outputs, rebuilt, x_gradient], [*expected_outputs, x, expected_x], strict=True
        ):
            np.testing.assert_allclose(found, wanted, atol=tolerance * max(1, np.abs(wanted).max()))
        for found, wanted in zip(gradients, expected, strict=True):
            assert (found is None) <= (wanted is None)
            if wanted is not None:
                np.testing.assert_allclose(
                    found, wanted, atol=tolerance * max(1, np.abs(wanted).max())
                )


def check_compiled_layers(flow, x, condition):
    """Checks that a flow whose layers XLA compiles equals the same flow without XLA, in float64:
    values, log-determinants, inverse and gradients of all weights.
    """
    variables = trainable_variables(flow)

    @tf.function(autograph=False)
    def run(compiled):
        with compile_layers(compiled), tf.GradientTape() as tape:
            v, log_det = flow.forward_in_training(x, condition)
            loss = tf.reduce_sum(tf.sin(v)) + tf.reduce_sum(log_det)
        with compile_layers(compiled):
            back = flow.inverse_and_log_det(v, condition)[0]
        return v, log_det, back, *tape.gradient(loss, variables)

    for found, wanted in zip(run(True), run(False), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-8 * max(1, np.abs(wanted).max()))
