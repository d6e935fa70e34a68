"""The functions that a served model offers, with the meaning, shape and unit of everything that goes in and comes out."""
from typing import Callable, NamedTuple

import tensorflow as tf

from tfwolf.models.wolf import Noise
from tfwolf.serving.arguments import BATCH, Argument, Result, checked, finite
from tfwolf.serving.noise import normal_per_image, seeds_of_images, uniform_per_image
from tfwolf.serving.pictures import pictures_from_bytes, pictures_to_bytes

DEFAULT = 'serving_default'
MAX_PLACES = 33
# TensorFlow Serving writes bytes into JSON as base64 only where the name ends like this.
PNG = 'png_bytes'


class Signature(NamedTuple):
    """A function of named tensors.

    Attributes:
        compute: function `(**inputs) -> {name: tensor}`; does not check its inputs.
        arguments: `{name: Argument}`.
        results: `{name: Result}`.
        meaning: one line for people.
    """

    compute: Callable
    arguments: dict
    results: dict
    meaning: str

    def __call__(self, inputs):
        """Returns `{name: array}` for `{name: array}`, computed at once and not checked."""
        return {name: value.numpy() for name, value in self.compute(**{name: tf.convert_to_tensor(x) for name, x in inputs.items()}).items()}

    def as_function(self):
        """Returns the `tf.function` that checks its inputs, whose types are fixed and shapes are not, and computes."""
        specs = {name: tf.TensorSpec(None, argument.dtype, name=name) for name, argument in self.arguments.items()}

        def function(**inputs):
            return self.compute(**checked(inputs, self.arguments))

        return tf.function(function, autograph=False).get_concrete_function(**specs)


class Signatures:
    """All signatures of a model.

    Args:
        model: an initialised `Wolf` in float32.

    Attributes:
        model: the model.
        all: `{name: Signature}`, only those that make sense for the model: without z there is no switch, and what z is a function of a
            label takes labels.
    """

    def __init__(self, model):
        self.model = model
        self._latent_dim = model.latent.dim
        self._labelled = model.latent.num_classes is not None
        self._image = (BATCH, *model.image_shape)
        height, width, channels = model.image_shape
        # Stored once, however many signatures call them.
        spec = [tf.TensorSpec([None, *model.image_shape], tf.uint8), *([tf.TensorSpec([None], tf.int64)] if self._labelled else [])]
        self._encode = tf.function(self._posterior_and_v, input_signature=spec, autograph=False)
        self._decode = tf.function(
            lambda v, z=None: model.decode(z, v), autograph=False,
            input_signature=[tf.TensorSpec([None, *model.image_shape], tf.float32),
                             *([tf.TensorSpec([None, self._latent_dim], tf.float32)] if self._latent_dim else [])])
        images = Argument(tf.uint8, self._image, f'images of {height} rows, {width} columns and {channels} channels, 0 to 255')
        files = Argument(tf.string, (BATCH,), f'PNG or JPEG files of {width} x {height} pixels')
        labels = {'labels': Argument(tf.int64, (BATCH,), f'class of each image, 0 to {model.latent.num_classes - 1}',
                                     lambda x: (x >= 0) & (x < model.latent.num_classes),
                                     f'must be from 0 to {model.latent.num_classes - 1}')} if self._labelled else {}
        code = {'v': finite(self._image, 'local representation, standard normal under the model')}
        if self._latent_dim:
            code['z'] = finite((BATCH, self._latent_dim), 'global representation')
        self.all = {'encode': self._encoding(images, labels), 'decode': self._decoding(code), 'sample': self._sampling(labels),
                    'bits_per_dim': self._likelihood(images, labels), 'reconstruct': self._reconstruction(images, labels),
                    'interpolate': self._interpolation(images, labels)}
        if self._latent_dim:
            self.all['switch'] = self._switching(images, labels)
        if channels in (1, 3):
            self.all['encode_png'] = self._of_files(self.all['encode'], files)
            for name in ('decode', 'sample'):
                self.all[f'{name}_png'] = self._to_files(self.all[name])
        self.all[DEFAULT] = self.all['encode']

    def functions(self):
        """Returns `{name: concrete function}` of all signatures."""
        made = {name: signature.as_function() for name, signature in self.all.items() if name != DEFAULT}
        return {**made, DEFAULT: made['encode']}

    def _encoding(self, images, labels):
        results = {'v': Result(tf.float32, self._image, 'local representation')}
        if self._latent_dim:
            results['z'] = Result(tf.float32, (BATCH, self._latent_dim), 'global representation: mean of q(z|x), or the z of the label')
        if self._gaussian:
            results['z_log_variance'] = Result(tf.float32, (BATCH, self._latent_dim), 'log variance of q(z|x), in nats')
        return Signature(lambda images, **labels: self._named(self._encode(images, *labels.values())),
                         {'images': images, **labels}, results, 'z and v of images')

    def _decoding(self, code):
        return Signature(lambda **code: {'images': self._decode(**code)}, code, {'images': Result(tf.uint8, self._image, 'images, 0 to 255')},
                         'the images of z and v')

    def _sampling(self, labels):
        at_least_0 = (lambda x: tf.math.is_finite(x) & (x >= 0)), 'must be finite and at least 0'
        arguments = {'seeds': Argument(tf.int64, (BATCH, 2), 'two integers per image; the same two give the same noise'),
                     'temperature_v': Argument(tf.float32, (BATCH,), "factor on v's noise; 1 samples from the model", *at_least_0), **labels}
        if self._gaussian:
            arguments['temperature_z'] = Argument(tf.float32, (BATCH,), 'factor on the noise of z; 1 samples from the model', *at_least_0)
        return Signature(self._sample, arguments, {'images': Result(tf.uint8, self._image, 'images, 0 to 255')},
                         'images drawn from the model')

    def _likelihood(self, images, labels):
        return Signature(self._bits_per_dim, {'images': images, **labels},
                         {'bits_per_dim': Result(tf.float32, (BATCH,), 'bits per dimension')},
                         'the negative evidence lower bound of images, with noise that is a function of the image')

    def _reconstruction(self, images, labels):
        def compute(images, **labels):
            return {'images': self._decode(**self._code(self._encode(images, *labels.values())))}

        return Signature(compute, {'images': images, **labels}, {'images': Result(tf.uint8, self._image, 'images, 0 to 255')},
                         'images encoded and decoded again: themselves, at the number of bits of the model')

    def _switching(self, images, labels):
        def compute(**inputs):
            (z_a, v_a), (z_b, v_b) = self._both(inputs)
            return {'z_of_a_v_of_b': self._decode(z=z_a, v=v_b), 'z_of_b_v_of_a': self._decode(z=z_b, v=v_a)}

        results = {name: Result(tf.uint8, self._image, f'images decoded from z of {name[5]} and v of {name[12]}')
                   for name in ('z_of_a_v_of_b', 'z_of_b_v_of_a')}
        return Signature(compute, self._pair(images, labels), results, 'each image with the z of the other (Wolf, figure 1)')

    def _interpolation(self, images, labels):
        arguments = self._pair(images, labels)
        sizes = {}
        # A bound on what a single small request can ask for.
        places = Argument(tf.float32, (BATCH, 'num_betas'), 'places between v of a, 0, and v of b, 1',
                          lambda x: tf.math.is_finite(x) & (tf.shape(x)[1] <= MAX_PLACES), f'must be finite, and at most {MAX_PLACES} for each pair')
        if self._latent_dim:
            arguments['alphas'] = places._replace(shape=(BATCH, 'num_alphas'), meaning='places between z of a, 0, and z of b, 1')
            sizes = {'num_alphas': 'alphas'}
        arguments['betas'] = places
        shape = (BATCH, *sizes, 'num_betas', *self.model.image_shape)
        return Signature(self._interpolate, arguments, {'images': Result(tf.uint8, shape, 'images at every combination of the places')},
                         'the grid between two images (Wolf, figure 5); its corners are the images and their switches')

    def _of_files(self, signature, files):
        def compute(image_bytes, **others):
            return signature.compute(images=pictures_from_bytes('image_bytes', image_bytes, self.model.image_shape), **others)

        arguments = {'image_bytes': files, **{name: argument for name, argument in signature.arguments.items() if name != 'images'}}
        return Signature(compute, arguments, signature.results, f'{signature.meaning} in files')

    @staticmethod
    def _to_files(signature):
        return Signature(lambda **inputs: {PNG: pictures_to_bytes(signature.compute(**inputs)['images'])}, signature.arguments,
                         {PNG: Result(tf.string, (BATCH,), 'PNG files')}, f'{signature.meaning}, as PNG files')

    @property
    def _gaussian(self):
        return self._latent_dim > 0 and not self._labelled

    def _pair(self, images, labels):
        arguments = {f'images_{side}': images._replace(meaning=f'images {side}; {images.meaning}') for side in 'ab'}
        return {**arguments, **{f'labels_{side}': argument for side in 'ab' for argument in labels.values()}}

    def _posterior_and_v(self, images, labels=None):
        """Returns (v,), (v, z) or (v, z, log variance of z), as the model has them."""
        model = self.model
        if self._gaussian:
            posterior = model.posterior(images)
            return model.encode_given(images, posterior.mean), posterior.mean, posterior.log_variance
        z, v = model.encode(images, labels)
        return (v,) if z is None else (v, z)

    def _named(self, encoded):
        return dict(zip(('v', 'z', 'z_log_variance'), encoded))

    def _code(self, encoded):
        return dict(zip(('v', 'z'), encoded[:2]))

    def _both(self, inputs):
        """Returns (z, v) of `images_a` and of `images_b`; z is None without a latent."""
        pairs = []
        for side in 'ab':
            code = self._code(self._encode(*(inputs[name] for name in (f'images_{side}', f'labels_{side}') if name in inputs)))
            pairs.append((code.get('z'), code['v']))
        return pairs

    def _sample(self, seeds, temperature_v, temperature_z=None, labels=None):
        def scaled(shape, purpose, temperature):
            return normal_per_image(shape, seeds, purpose) * tf.reshape(temperature, [-1] + [1] * len(shape))

        latent = self.model.latent
        code = {'v': scaled(self.model.image_shape, 0, temperature_v)}
        if self._gaussian:
            code['z'] = latent.from_noise(scaled([latent.noise_dim], 1, temperature_z))
        elif self._latent_dim:
            code['z'] = latent.encode(None, labels)
        return {'images': self._decode(**code)}

    def _bits_per_dim(self, images, labels=None):
        model = self.model
        seeds = seeds_of_images(images)
        noise = Noise(uniform_per_image(model.image_shape, seeds, 0), normal_per_image([model.latent.noise_dim], seeds, 1))
        return {'bits_per_dim': model.bits_per_dim(images, noise, labels)}

    def _interpolate(self, betas, alphas=None, **inputs):
        (z_a, v_a), (z_b, v_b) = self._both(inputs)
        batch, num_betas = tf.shape(betas)[0], tf.shape(betas)[1]
        image = self.model.image_shape
        v = _between(v_a, v_b, betas)
        if alphas is None:
            return {'images': tf.reshape(self._decode(v=tf.reshape(v, [-1, *image])), [batch, num_betas, *image])}
        num_alphas = tf.shape(alphas)[1]
        z = tf.repeat(_between(z_a, z_b, alphas), num_betas, axis=1)
        v = tf.tile(v, [1, num_alphas, 1, 1, 1])
        images = self._decode(v=tf.reshape(v, [-1, *image]), z=tf.reshape(z, [-1, self._latent_dim]))
        return {'images': tf.reshape(images, [batch, num_alphas, num_betas, *image])}


def _between(a, b, places):
    """Returns (1 - t) a + t b for every place t, `[batch, places, ...]`; exactly a at 0 and b at 1."""
    t = tf.reshape(places, [tf.shape(places)[0], tf.shape(places)[1]] + [1] * (a.shape.rank - 1))
    return (1 - t) * a[:, tf.newaxis] + t * b[:, tf.newaxis]
