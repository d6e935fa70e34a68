"""The functions of an ONNX export. Their noise is an input: ONNX has no random numbers by seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.models.terms import Noise
from tfwolf.models.wolf import Wolf
from tfwolf.serving.arguments import BATCH, Result, finite
from tfwolf.serving.examples import TEMPERATURE
from tfwolf.serving.model_functions import ModelFunctions
from tfwolf.serving.signature import Signature, image_results, named_images
from tfwolf.serving.signatures import Signatures


def onnx_functions(model: Wolf) -> dict[str, Signature]:
    """Return `{name: Signature}` of `encode`, `decode`, `sample` and `bits_per_dim`.

    The first two are those of `Signatures`. `sample` takes standard normal noise, which the caller
    multiplies by a temperature, and `bits_per_dim` takes the noise of the bound.

    Args:
        model: an initialized `Wolf` in float32.

    Raises:
        ValueError: if the model has a condition.
    """
    served = Signatures(model).all
    functions, latent = ModelFunctions(model), model.latent
    image = (BATCH, *model.image_shape)
    labels = {
        name: argument for name, argument in served['encode'].arguments.items() if name == 'labels'
    }
    noise_z = (
        {'noise_z': finite((BATCH, latent.noise_dim), 'noise of z, standard normal')}
        if latent.has_z and not latent.needs_labels
        else {}
    )

    def sample(
        noise_v: tf.Tensor, noise_z: tf.Tensor | None = None, labels: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        if latent.needs_labels:
            z = latent.encode(None, labels)
        else:
            z = None if noise_z is None else latent.from_noise(noise_z)
        return named_images(functions.decode(z, noise_v))

    def bits_per_dim(
        images: tf.Tensor,
        noise_x: tf.Tensor,
        noise_z: tf.Tensor | None = None,
        labels: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        if noise_z is None:
            noise_z = tf.zeros([tf.shape(images)[0], latent.noise_dim], model.dtype)
        return {'bits_per_dim': model.bits_per_dim(images, Noise(noise_x, noise_z), labels)}

    return {
        'encode': served['encode'],
        'decode': served['decode'],
        'sample': Signature(
            sample,
            {'noise_v': finite(image, 'v, standard normal'), **noise_z, **labels},
            image_results('samples', image),
            'draw images from the model; noise times a temperature below 1 gives likelier ones',
        ),
        'bits_per_dim': Signature(
            bits_per_dim,
            {
                'images': served['bits_per_dim'].arguments['images'],
                'noise_x': finite(
                    image, f'noise of the dequantization, {model.dequantizer.noise_meaning}'
                ),
                **noise_z,
                **labels,
            },
            {'bits_per_dim': Result(tf.float32, (BATCH,), 'bits per dimension')},
            'negative evidence lower bound of images for one draw of the noise',
        ),
    }


class Example(NamedTuple):
    """A call of a function.

    Attributes:
        name: of the function.
        inputs: `{name: array}`.
        outputs: `{name: array}` of the model itself.
        exact: `{name: array}` of the model in float64, which tells rounding from errors.
    """

    name: str
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    exact: dict[str, np.ndarray]


def onnx_examples(model: Wolf, counts: Sequence[int], seed: int = 0) -> list[Example]:
    """Return examples of all functions, made from samples of the model.

    Args:
        model: the `Wolf`, not frozen.
        counts: numbers of images, an example of each function for each.
        seed: integer.
    """
    functions, exact = onnx_functions(model), onnx_functions(model.as_dtype(tf.float64))
    return [
        Example(name, inputs, functions[name](inputs), exact[name](_in_float64(inputs)))
        for count in counts
        for name, inputs in _inputs(model, functions, count, seed).items()
    ]


def _in_float64(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: x.astype(np.float64) if x.dtype == np.float32 else x for name, x in inputs.items()
    }


def _inputs(
    model: Wolf, functions: dict[str, Signature], count: int, seed: int
) -> dict[str, dict[str, np.ndarray]]:
    """Return `{name: {input: array}}` with `count` rows each."""
    random = np.random.default_rng(seed)
    v = (TEMPERATURE * random.standard_normal([count, *model.image_shape])).astype(np.float32)
    z = (TEMPERATURE * random.standard_normal([count, model.latent.noise_dim])).astype(np.float32)
    values = {
        'noise_v': v,
        'noise_z': z,
        # A valid value of every dequantizer.
        'noise_x': random.uniform(0.1, 0.9, v.shape).astype(np.float32),
        'labels': random.integers(0, model.latent.num_classes or 1, count),
    }

    def chosen(name: str) -> dict[str, np.ndarray]:
        return {key: values[key] for key in functions[name].arguments}

    values['images'] = functions['sample'](chosen('sample'))['images']
    values.update(functions['encode'](chosen('encode')))
    return {name: chosen(name) for name in functions}
