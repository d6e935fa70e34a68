"""The signatures of a served model: meaning, shape and unit of every input and output."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfwolf.models.wolf import Wolf
from tfwolf.serving.arguments import BATCH, Argument, Result, finite
from tfwolf.serving.image_bytes import decode_image_files, encode_png_files
from tfwolf.serving.model_functions import ModelFunctions
from tfwolf.serving.pair_signatures import PairSignatures
from tfwolf.serving.signature import Arguments, Signature, image_results, named_images

DEFAULT = 'serving_default'
# TensorFlow Serving writes bytes into JSON as base64 only if the name ends in `_bytes`.
PNG = 'png_bytes'


class Signatures:
    """All signatures of a model.

    Args:
        model: an initialized `Wolf` in float32, without a condition.

    Attributes:
        model: the model.
        all: `{name: Signature}`. A model without z has no signature `switch`. A model whose z comes
            from labels takes labels.

    Raises:
        ValueError: if the model has a condition.
    """

    def __init__(self, model: Wolf) -> None:
        model.check_unconditional('An export')
        self.model: Wolf = model
        self._latent = model.latent
        self._functions = ModelFunctions(model)
        self._image = (BATCH, *model.image_shape)
        height, width, channels = model.image_shape
        images = Argument(
            tf.uint8,
            self._image,
            f'images with {height} rows, {width} columns and {channels} '
            f'{"channel" if channels == 1 else "channels"}, 0 to 255',
        )
        files = Argument(tf.string, (BATCH,), f'PNG or JPEG files of {width} x {height} pixels')
        labels = self._labels()
        code = {'v': finite(self._image, 'local representation, standard normal under the model')}
        if self._latent.has_z:
            code['z'] = finite((BATCH, self._latent.dim), 'global representation')
        pairs = PairSignatures(model, self._functions, images, labels)
        self.all: dict[str, Signature] = {
            'encode': self._encoding(images, labels),
            'decode': self._decoding(code),
            'sample': self._sampling(labels),
            'bits_per_dim': self._likelihood(images, labels),
            'likelihood_map': self._likelihood_map(images, labels),
            'reconstruct': self._reconstruction(images, labels),
            'interpolate': pairs.interpolate(),
        }
        if self._latent.has_z:
            self.all['switch'] = pairs.switch()
        if channels in (1, 3):
            self.all['encode_png'] = self._from_files(self.all['encode'], files)
            for name in ('decode', 'sample'):
                self.all[f'{name}_png'] = self._to_files(self.all[name])
        self.all[DEFAULT] = self.all['encode']

    def functions(self) -> dict[str, Callable[..., dict[str, tf.Tensor]]]:
        """Return `{name: concrete function}` for all signatures."""
        made = {
            name: signature.as_function() for name, signature in self.all.items() if name != DEFAULT
        }
        return {**made, DEFAULT: made['encode']}

    def _labels(self) -> Arguments:
        num_classes = self._latent.num_classes
        if not self._latent.needs_labels or num_classes is None:
            return {}
        last = num_classes - 1
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
                'global representation: mean of q(z|x)'
                if self._latent.has_posterior
                else 'global representation: z of the label',
            )
        if self._latent.has_posterior:
            results['z_log_variance'] = Result(
                tf.float32, (BATCH, self._latent.dim), 'log variance of q(z|x), in nats'
            )
        return Signature(
            lambda images, **labels: dict(
                zip(('v', 'z', 'z_log_variance'), self._functions.encode(images, *labels.values()))
            ),
            {'images': images, **labels},
            results,
            'encode images to z and v',
        )

    def _decoding(self, code: Arguments) -> Signature:
        return Signature(
            lambda v, z=None: named_images(self._functions.decode(z, v)),
            code,
            image_results('decoded images', self._image),
            'decode z and v to images',
        )

    def _sampling(self, labels: Arguments) -> Signature:
        at_least_0 = (lambda x: tf.math.is_finite(x) & (x >= 0)), 'must be finite and at least 0'
        arguments = {
            'seeds': Argument(
                tf.int64, (BATCH, 2), 'two integers per image; equal pairs give equal noise'
            ),
            'temperature_v': Argument(
                tf.float32,
                (BATCH,),
                'factor on the noise of v; 1 samples from the model',
                *at_least_0,
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
            lambda **inputs: named_images(self._functions.sample(**inputs)),
            arguments,
            image_results('samples', self._image),
            'draw images from the model',
        )

    def _likelihood(self, images: Argument, labels: Arguments) -> Signature:
        return Signature(
            lambda **inputs: {'bits_per_dim': self._functions.bits_per_dim(**inputs)},
            {'images': images, **labels},
            {'bits_per_dim': Result(tf.float32, (BATCH,), 'bits per dimension')},
            'negative evidence lower bound of images; the noise is a function of the image',
        )

    def _likelihood_map(self, images: Argument, labels: Arguments) -> Signature:
        return Signature(
            lambda **inputs: dict(
                zip(('bits_per_pixel', 'bits_per_dim'), self._functions.bits_per_pixel(**inputs))
            ),
            {'images': images, **labels},
            {
                'bits_per_pixel': Result(
                    tf.float32, self._image[:-1], 'bits of each pixel; the sum is that of the image'
                ),
                'bits_per_dim': Result(tf.float32, (BATCH,), 'bits per dimension'),
            },
            'where images are unusual: the bound of `bits_per_dim`, by pixel',
        )

    def _reconstruction(self, images: Argument, labels: Arguments) -> Signature:
        def compute(images, **labels):
            code = self._functions.code(images, *labels.values())
            return {'images': self._functions.decode(*code)[0]}

        return Signature(
            compute,
            {'images': images, **labels},
            {'images': Result(tf.uint8, self._image, 'images, 0 to 255')},
            'encode and decode images; exact at the number of bits of the model',
        )

    def _from_files(self, signature: Signature, files: Argument) -> Signature:
        def compute(image_bytes, **others):
            images = decode_image_files('image_bytes', image_bytes, self.model.image_shape)
            return signature.compute(images=images, **others)

        arguments = {
            'image_bytes': files,
            **{
                name: argument for name, argument in signature.arguments.items() if name != 'images'
            },
        }
        return Signature(
            compute, arguments, signature.results, f'{signature.meaning}, from PNG or JPEG files'
        )

    @staticmethod
    def _to_files(signature: Signature) -> Signature:
        return Signature(
            lambda **inputs: {PNG: encode_png_files(signature.compute(**inputs)['images'])},
            signature.arguments,
            {PNG: Result(tf.string, (BATCH,), 'PNG files')},
            f'{signature.meaning}, as PNG files',
        )
