"""The parts of a model of images, how they are made, and what its flow is conditioned on."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.core import seeds, validate
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import CompleteVariables, named_variables
from tfwolf.data import preprocess
from tfwolf.models.dequantizer import Dequantizer, UniformDequantizer
from tfwolf.models.image_condition import ImageCondition
from tfwolf.models.latent import Array, Latent
from tfwolf.models.no_dequantizer import NoDequantizer
from tfwolf.models.values import ColorValues, ContinuousValues, Values, check_parts
from tfwolf.nets.condition import Condition, image_argument, joined


class FlowModel(CompleteVariables, tf.Module):
    """A flow of images with a latent, a dequantizer and a condition; base class of `Wolf`.

    See `Wolf` for the arguments.

    Attributes:
        image_shape: (height, width, channels).
        num_bits: bits per color value that the model sees; None for continuous values.
        values: what the numbers of images are, `ColorValues` or `ContinuousValues`.
        dtype: floating type of weights and computation.
        condition: the `ImageCondition`, or None.
        latent: the `Latent`.
        flow: the flow, a `FlowBijector`.
        dequantizer: the `Dequantizer`.
        initialized: boolean variable, whether data-dependent weights are initialized.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_bits: int | None,
        flow: Callable[..., FlowBijector],
        latent: Callable[..., Latent],
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        dequantizer: Callable[..., Dequantizer] = UniformDequantizer,
        condition: Callable[..., ImageCondition] | None = None,
    ) -> None:
        super().__init__(name='wolf')
        self._arguments = Untracked(
            {
                'image_shape': image_shape,
                'num_bits': num_bits,
                'flow': flow,
                'latent': latent,
                'seed': seed,
                'dtype': dtype,
                'dequantizer': dequantizer,
                'condition': condition,
            }
        )
        if len(image_shape) != 3:
            raise ValueError(
                f'`image_shape` must be (height, width, channels); got image_shape={image_shape!r}.'
            )
        height, width, channels = image_shape
        self.image_shape: tuple[int, int, int] = (height, width, channels)
        self.num_bits: int | None = None if num_bits is None else validate.num_bits(num_bits)
        self.dtype: tf.DType = tf.as_dtype(dtype)
        check_parts(self.num_bits, dequantizer, condition)
        if num_bits is None:
            self.values: Values = ContinuousValues(channels, self.dtype)
        else:
            self.values = ColorValues(num_bits)
        self.condition: ImageCondition | None = (
            None if condition is None else condition(image_shape=self.image_shape)
        )
        self.latent: Latent = latent(
            image_shape=self.image_shape, seed=seeds.derive(seed, 'latent'), dtype=self.dtype
        )
        self.flow: FlowBijector = self.flow_for(self.image_shape)
        self.dequantizer: Dequantizer = (
            NoDequantizer()
            if num_bits is None
            else dequantizer(
                image_shape=self.image_shape,
                seed=seeds.derive(seed, 'dequantizer'),
                dtype=self.dtype,
            )
        )
        self.initialized = tf.Variable(tf.constant(False), trainable=False, name='initialized')

    def flow_for(self, image_shape: Sequence[int]) -> FlowBijector:
        """Return a flow like the model's for images of another shape, with its initial weights.

        Args:
            image_shape: (height, width, channels).

        Raises:
            ValueError: if the model has a condition and the flow does not accept one.
        """
        arguments = self._arguments.value
        channels = 0 if self.condition is None else self.condition.channels
        make_flow = arguments['flow']
        return make_flow(
            image_shape=image_shape,
            condition_dim=self.latent.dim,
            seed=seeds.derive(arguments['seed'], 'flow'),
            dtype=self.dtype,
            **image_argument('flow', make_flow, channels),
        )

    def with_flow(self, **changes: Any) -> Self:
        """Return a new model with the same seed, whose flow factory has changed arguments."""
        arguments = self._arguments.value
        flow = functools.partial(arguments['flow'], **changes)
        return type(self)(**{**arguments, 'flow': flow})

    def as_dtype(self, dtype: tf.DType) -> Self:
        """Return a copy that computes in another floating type, with the weights converted.

        Args:
            dtype: floating type.
        """
        copy = type(self)(**{**self._arguments.value, 'dtype': dtype})
        weights = dict(named_variables(self))
        for path, variable in named_variables(copy):
            variable.assign(tf.cast(weights[path], variable.dtype))
        return copy

    @property
    def trained_flows(self) -> list[FlowBijector]:
        """The flow, and that of a learned dequantizer: what is computed from an `Inference`."""
        return [flow for flow in (self.flow, self.dequantizer.trained_flow) if flow is not None]

    @property
    def num_dims(self) -> int:
        """height * width * channels of an image."""
        return math.prod(self.image_shape)

    @property
    def color_bits(self) -> int:
        """`num_bits` of a model of color values.

        Raises:
            ValueError: for a model of continuous values.
        """
        if self.num_bits is None:
            raise ValueError('This needs a model of color values; got one of continuous values.')
        return self.num_bits

    def condition_of(self, images: Array) -> tf.Tensor | None:
        """Return the condition c of images, uint8 `[batch, *condition.reduced_shape]`, or None.

        It is computed from the images at the model's number of bits. None for a model without a
        condition.

        Args:
            images: uint8 `[batch, height, width, channels]`.

        Raises:
            ValueError: if the images have another shape or dtype.
        """
        if self.condition is None or self.num_bits is None:
            return None
        images = preprocess.checked_images(images, self.image_shape)
        return self.condition.reduce(preprocess.at_num_bits(images, self.num_bits))

    def flow_condition(self, z: Array | None, condition: Array | None) -> Condition | None:
        """Return what the flow is conditioned on: z, the embedded c, both, or None.

        Args:
            z: `[batch, latent_dim]`, or None without a latent.
            condition: c, uint8 `[batch, *condition.reduced_shape]`; None for a model without a
                condition.

        Raises:
            ValueError: if c is missing, is given to a model without a condition, or has another
                shape or dtype.
        """
        vector = None if z is None else tf.convert_to_tensor(z, self.dtype)
        return joined(vector, self._embedded(condition))

    def check_unconditional(self, purpose: str) -> None:
        """Check that the model has no condition.

        Args:
            purpose: start of the message, such as 'The interpolation'.

        Raises:
            ValueError: if it has one.
        """
        if self.condition is not None:
            raise ValueError(
                f'{purpose} needs a model without a condition; this one is conditioned on '
                f'{self.condition.description}.'
            )

    def encoder_input(self, images: Array) -> tf.Tensor:
        """Return the encoder's input x: the lower edges of the images' bins in [-1, 1].

        Of continuous values it is the flow's input.
        """
        return self.values.to_x(images, 0.0, self.dtype)

    def bin_centers(self, images: Array) -> tf.Tensor:
        """Return the flow's input x in `encode`: the centers of the images' bins in [-1, 1].

        Of continuous values it is (value - shift) / scale.
        """
        return self.values.to_x(images, 0.5, self.dtype)

    def _checked(self, images: Array) -> tf.Tensor:
        images = preprocess.checked_images(images, self.image_shape, self.values.image_type)
        self._check_initialized()
        return images

    def _check_initialized(self) -> None:
        with tf.init_scope():
            if not self.initialized.numpy():
                raise RuntimeError(
                    'The model has not been initialized. Call `tfwolf.initialize(model, images, '
                    'seed)` or restore a checkpoint.'
                )

    def _embedded(self, condition: Array | None) -> tf.Tensor | None:
        if self.condition is None:
            if condition is not None:
                raise ValueError(
                    '`condition` must be None for a model without a condition; got an array of '
                    f'shape {tuple(np.shape(condition))}.'
                )
            return None
        if condition is None:
            raise ValueError(
                f'`condition` is required: the model is conditioned on '
                f'{self.condition.description}. Give uint8 [batch, '
                f'{", ".join(map(str, self.condition.reduced_shape))}], for example '
                '`model.condition_of(images)`; got None.'
            )
        return self.condition.embed(condition, self.dtype)
