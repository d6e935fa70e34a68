"""A signature: a function of named tensors with described, validated inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.core.compilation import compile_layers
from tfwolf.serving.arguments import Argument, Result, checked

# {name: Argument}.
Arguments = dict[str, Argument]


class Signature(NamedTuple):
    """A function of named tensors.

    Attributes:
        compute: function `(**inputs) -> {name: tensor}`. It does not check its inputs.
        arguments: `{name: Argument}`.
        results: `{name: Result}`.
        meaning: one line of description.
    """

    compute: Callable[..., dict[str, tf.Tensor]]
    arguments: Arguments
    results: dict[str, Result]
    meaning: str

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Compute `{name: array}` from `{name: array}` eagerly, without checks."""
        tensors = {name: tf.convert_to_tensor(x) for name, x in inputs.items()}
        return {name: value.numpy() for name, value in self.compute(**tensors).items()}

    def as_function(self) -> Callable[..., dict[str, tf.Tensor]]:
        """Return the concrete function that validates its inputs and computes.

        The types of its inputs are fixed, their shapes are not.
        """
        specs = {
            # A shape of None is an unknown rank, which the type stubs do not have.
            name: tf.TensorSpec(None, argument.dtype, name=name)  # pyright: ignore[reportArgumentType]
            for name, argument in self.arguments.items()
        }

        def function(**inputs):
            return self.compute(**checked(inputs, self.arguments))

        # An exported model also runs where XLA is missing.
        with compile_layers(False):
            return tf.function(function, autograph=False).get_concrete_function(**specs)


def image_results(meaning: str, shape: tuple[int | str, ...]) -> dict[str, Result]:
    """Return the outputs `images` and `finite` of a signature that decodes images.

    Args:
        meaning: of the images.
        shape: of the images; the last three sizes are (height, width, channels).
    """
    return {
        'images': Result(tf.uint8, shape, f'{meaning}, 0 to 255'),
        'finite': Result(
            tf.bool,
            shape[:-3],
            'whether all values of the image were finite; if not, it is not a valid image',
        ),
    }


def named_images(decoded: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Return the pair (images, finite) by the names of the outputs."""
    return dict(zip(('images', 'finite'), decoded))
