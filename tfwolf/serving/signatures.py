"""The functions that a served model offers, with the meaning, shape and unit of everything that
goes in and comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.core.image_noise import V, Z, normal_per_image, seeds_of_images, uniform_per_image
from tfwolf.models.generation import (
    LatentCode,
    decode_grid,
    interpolate_codes,
    sample_code,
    switch_codes,
)
from tfwolf.models.terms import Noise
from tfwolf.models.wolf import Wolf
from tfwolf.serving.arguments import BATCH, Argument, Result, checked, finite
from tfwolf.serving.pictures import pictures_from_bytes, pictures_to_bytes

DEFAULT = 'serving_default'
MAX_PLACES = 33
# TensorFlow Serving writes bytes into JSON as base64 only where the name ends like this.
PNG = 'png_bytes'
Arguments = dict[str, Argument]


class Signature(NamedTuple):
    """A function of named tensors.

    Attributes:
        compute: function `(**inputs) -> {name: tensor}`; does not check its inputs.
        arguments: `{name: Argument}`.
        results: `{name: Result}`.
        meaning: one line for people.
    """

    compute: Callable[..., dict[str, tf.Tensor]]
    arguments: dict[str, Argument]
    results: dict[str, Result]
    meaning: str

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Returns `{name: array}` for `{name: array}`, computed at once and not checked."""
        return {
            name: value.numpy()
            for name, value in self.compute(
                **{name: tf.convert_to_tensor(x) for name, x in inputs.items()}
            ).items()
        }

    def as_function(self) -> Callable[..., dict[str, tf.Tensor]]:
        """Returns the `tf.function` that checks its inputs, whose types are fixed and shapes are
        not, and computes.
        """
        specs = {
            name: tf.TensorSpec(None, argument.dtype, name=name)
            for name, argument in self.arguments.items()
        }

        def function(**inputs):
            return self.compute(**checked(inputs, self.arguments))

        return tf.function(function, autograph=False).get_concrete_function(**specs)


class Signatures:
    """All signatures of a model.

    Args:
        model: an initialised `Wolf` in float32.

    Attributes:
        model: the model.
        all: `{name: Signature}`, only those that make sense for the model: without z there is no
            switch, and what z is a function of a label takes labels.
    """

    def __init__(self, model: Wolf) -> None:
        self.model: Wolf = model
        self._latent = model.latent
        self._image = (BATCH, *model.image_shape)
        height, width, channels = model.image_shape
        # Stored once, however many signatures call them.
        spec = [
            tf.TensorSpec([None, *model.image_shape], tf.uint8),
            *([tf.TensorSpec([None], tf.int64)] if self._latent.needs_labels else []),
        ]
        self._encode = tf.function(self._posterior_and_v, input_signature=spec, autograph=False)
        self._decode_code = tf.function(
            lambda v, z=None: model.decode(z, v),
            autograph=False,
            input_signature=[
                tf.TensorSpec([None, *model.image_shape], tf.float32),
                *(
                    [tf.TensorSpec([None, self._latent.dim], tf.float32)]
                    if self._latent.has_z
                    else []
                ),
            ],
        )
        images = Argument(
            tf.uint8,
            self._image,
            f'images of {height} rows, {width} columns and {channels} channels, 0 to 255',
        )
        files = Argument(tf.string, (BATCH,), f'PNG or JPEG files of {width} x {height} pixels')
        labels = self._labels()
        code = {'v': finite(self._image, 'local representation, standard normal under the model')}
        if self._latent.has_z:
            code['z'] = finite((BATCH, self._latent.dim), 'global representation')
        self.all: dict[str, Signature] = {
            'encode': self._encoding(images, labels),
            'decode': self._decoding(code),
            'sample': self._sampling(labels),
            'bits_per_dim': self._likelihood(images, labels),
            'reconstruct': self._reconstruction(images, labels),
            'interpolate': self._interpolation(images, labels),
        }
        if self._latent.has_z:
            self.all['switch'] = self._switching(images, labels)
        if channels in (1, 3):
            self.all['encode_png'] = self._of_files(self.all['encode'], files)
            for name in ('decode', 'sample'):
                self.all[f'{name}_png'] = self._to_files(self.all[name])
        self.all[DEFAULT] = self.all['encode']

    def functions(self) -> dict[str, Callable[..., dict[str, tf.Tensor]]]:
        """Returns `{name: concrete function}` of all signatures."""
        made = {
            name: signature.as_function() for name, signature in self.all.items() if name != DEFAULT
        }
        return {**made, DEFAULT: made['encode']}

    def _labels(self) -> Arguments:
        if not self._latent.needs_labels:
            return {}
        last = self._latent.num_classes - 1
        return {
            'labels': Argument(
                tf.int64,
                (BATCH,),
                f'class of each image, 0 to {last}',
                lambda x: (x >= 0) & (x <= last),
                f'must be from 0 to {last}',
            )
        }

    def _encoding(self, images: Argument, labels: Arguments) -> Signature:
        results = {'v': Result(tf.float32, self._image, 'local representation')}
        if self._latent.has_z:
            results['z'] = Result(
                tf.float32,
                (BATCH, self._latent.dim),
                'global representation: mean of q(z|x), or the z of the label',
            )
        if self._latent.has_posterior:
            results['z_log_variance'] = Result(
                tf.float32, (BATCH, self._latent.dim), 'log variance of q(z|x), in nats'
            )
        return Signature(
            lambda images, **labels: dict(
                zip(('v', 'z', 'z_log_variance'), self._encode(images, *labels.values()))
            ),
            {'images': images, **labels},
            results,
            'z and v of images',
        )

    def _decoding(self, code: Arguments) -> Signature:
        return Signature(
            lambda v, z=None: {'images': self._decode(z, v)},
            code,
            {'images': Result(tf.uint8, self._image, 'images, 0 to 255')},
            'the images of z and v',
        )

    def _sampling(self, labels: Arguments) -> Signature:
        at_least_0 = (lambda x: tf.math.is_finite(x) & (x >= 0)), 'must be finite and at least 0'
        arguments = {
            'seeds': Argument(
                tf.int64, (BATCH, 2), 'two integers per image; the same two give the same noise'
            ),
            'temperature_v': Argument(
                tf.float32, (BATCH,), "factor on v's noise; 1 samples from the model", *at_least_0
            ),
            **labels,
        }
        if self._latent.has_posterior:
            arguments['temperature_z'] = Argument(
                tf.float32,
                (BATCH,),
                'factor on the noise of z; 1 samples from the model',
                *at_least_0,
            )
        return Signature(
            self._sample,
            arguments,
            {'images': Result(tf.uint8, self._image, 'images, 0 to 255')},
            'images drawn from the model',
        )

    def _likelihood(self, images: Argument, labels: Arguments) -> Signature:
        return Signature(
            self._bits_per_dim,
            {'images': images, **labels},
            {'bits_per_dim': Result(tf.float32, (BATCH,), 'bits per dimension')},
            'the negative evidence lower bound of images, with noise that is a function of the '
            'image',
        )

    def _reconstruction(self, images: Argument, labels: Arguments) -> Signature:
        def compute(images, **labels):
            return {'images': self._decode(*self._code(images, *labels.values()))}

        return Signature(
            compute,
            {'images': images, **labels},
            {'images': Result(tf.uint8, self._image, 'images, 0 to 255')},
            'images encoded and decoded again: themselves, at the number of bits of the model',
        )

    def _switching(self, images: Argument, labels: Arguments) -> Signature:
        names = ('z_of_a_v_of_b', 'z_of_b_v_of_a')

        def compute(**inputs):
            return {
                name: self._decode(*code)
                for name, code in zip(names, switch_codes(*self._both(inputs)))
            }

        results = {
            name: Result(
                tf.uint8, self._image, f'images decoded from z of {name[5]} and v of {name[12]}'
            )
            for name in names
        }
        return Signature(
            compute,
            self._pair(images, labels),
            results,
            'each image with the z of the other (Wolf, figure 1)',
        )

    def _interpolation(self, images: Argument, labels: Arguments) -> Signature:
        arguments = self._pair(images, labels)
        sizes = {}
        # A bound on what a single small request can ask for.
        places = Argument(
            tf.float32,
            (BATCH, 'num_betas'),
            'places between v of a, 0, and v of b, 1',
            lambda x: tf.math.is_finite(x) & (tf.shape(x)[1] <= MAX_PLACES),
            f'must be finite, and at most {MAX_PLACES} for each pair',
        )
        if self._latent.has_z:
            arguments['alphas'] = places._replace(
                shape=(BATCH, 'num_alphas'), meaning='places between z of a, 0, and z of b, 1'
            )
            sizes = {'num_alphas': 'alphas'}
        arguments['betas'] = places
        shape = (BATCH, *sizes, 'num_betas', *self.model.image_shape)
        return Signature(
            self._interpolate,
            arguments,
            {'images': Result(tf.uint8, shape, 'images at every combination of the places')},
            'the grid between two images (Wolf, figure 5); its corners are the images and their '
            'switches',
        )

    def _of_files(self, signature: Signature, files: Argument) -> Signature:
        def compute(image_bytes, **others):
            return signature.compute(
                images=pictures_from_bytes('image_bytes', image_bytes, self.model.image_shape),
                **others,
            )

        arguments = {
            'image_bytes': files,
            **{
                name: argument for name, argument in signature.arguments.items() if name != 'images'
            },
        }
        return Signature(compute, arguments, signature.results, f'{signature.meaning} in files')

    @staticmethod
    def _to_files(signature: Signature) -> Signature:
        return Signature(
            lambda **inputs: {PNG: pictures_to_bytes(signature.compute(**inputs)['images'])},
            signature.arguments,
            {PNG: Result(tf.string, (BATCH,), 'PNG files')},
            f'{signature.meaning}, as PNG files',
        )

    def _pair(self, images: Argument, labels: Arguments) -> Arguments:
        arguments = {
            f'images_{side}': images._replace(meaning=f'images {side}; {images.meaning}')
            for side in 'ab'
        }
        return {
            **arguments,
            **{f'labels_{side}': argument for side in 'ab' for argument in labels.values()},
        }

    def _posterior_and_v(
        self, images: tf.Tensor, labels: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, ...]:
        """Returns (v,), (v, z) or (v, z, log variance of z), as the model has them."""
        model = self.model
        if self._latent.has_posterior:
            posterior = model.posterior(images)
            return (
                model.encode_given(images, posterior.mean),
                posterior.mean,
                posterior.log_variance,
            )
        z, v = model.encode(images, labels)
        return (v,) if z is None else (v, z)

    def _code(self, images: tf.Tensor, *labels: tf.Tensor) -> LatentCode:
        v, *z = self._encode(images, *labels)
        return (z[0] if z else None), v

    def _both(self, inputs: Mapping[str, tf.Tensor]) -> list[LatentCode]:
        """Returns the codes of `images_a` and of `images_b`."""
        return [
            self._code(
                *(inputs[name] for name in (f'images_{side}', f'labels_{side}') if name in inputs)
            )
            for side in 'ab'
        ]

    def _decode(self, z: tf.Tensor | None, v: tf.Tensor) -> tf.Tensor:
        return self._decode_code(v) if z is None else self._decode_code(v, z)

    def _sample(
        self,
        seeds: tf.Tensor,
        temperature_v: tf.Tensor,
        temperature_z: tf.Tensor | float = 1.0,
        labels: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        model = self.model
        return {
            'images': self._decode(
                *sample_code(
                    model.latent,
                    model.image_shape,
                    model.dtype,
                    seeds,
                    temperature_v,
                    temperature_z,
                    labels,
                )
            )
        }

    def _bits_per_dim(
        self, images: tf.Tensor, labels: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        model = self.model
        seeds = seeds_of_images(images)
        noise = Noise(
            uniform_per_image(model.image_shape, seeds, V),
            normal_per_image([model.latent.noise_dim], seeds, Z),
        )
        return {'bits_per_dim': model.bits_per_dim(images, noise, labels)}

    def _interpolate(
        self, betas: tf.Tensor, alphas: tf.Tensor | None = None, **inputs: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        return {
            'images': decode_grid(
                self._decode, interpolate_codes(*self._both(inputs), alphas, betas)
            )
        }
