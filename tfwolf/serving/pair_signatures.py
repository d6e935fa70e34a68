"""The signatures that take two images: the switch and the interpolation."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from tfwolf.models.generation import LatentCode, switch_codes
from tfwolf.models.wolf import Wolf
from tfwolf.serving.arguments import BATCH, Argument
from tfwolf.serving.model_functions import ModelFunctions
from tfwolf.serving.signature import Arguments, Signature, image_results, named_images

MAX_PLACES = 33
SWITCHED = ('z_of_a_v_of_b', 'z_of_b_v_of_a')


class PairSignatures:
    """Makes the signatures of a model that take pairs of images.

    Args:
        model: the `Wolf`.
        functions: its `ModelFunctions`.
        images: the `Argument` of images.
        labels: the `Argument` of labels by its name, empty for a model without labels.
    """

    def __init__(
        self, model: Wolf, functions: ModelFunctions, images: Argument, labels: Arguments
    ) -> None:
        self._model = model
        self._functions = functions
        self._pair: Arguments = {
            **{
                f'images_{side}': images._replace(meaning=f'images {side}; {images.meaning}')
                for side in 'ab'
            },
            **{f'labels_{side}': argument for side in 'ab' for argument in labels.values()},
        }

    def switch(self) -> Signature:
        """Return the signature that combines z of each image with v of the other."""

        def compute(**inputs):
            decoded = [self._functions.decode(*code) for code in switch_codes(*self._codes(inputs))]
            return {
                **{name: images for name, (images, _) in zip(SWITCHED, decoded)},
                **{f'{name}_finite': finite for name, (_, finite) in zip(SWITCHED, decoded)},
            }

        results = {}
        for name in SWITCHED:
            both = image_results(
                f'images with z of {name[5]} and v of {name[12]}', (BATCH, *self._model.image_shape)
            )
            results |= {name: both['images'], f'{name}_finite': both['finite']}
        return Signature(
            compute,
            self._pair,
            results,
            'combine z of each image with v of the other (Wolf, figure 1)',
        )

    def interpolate(self) -> Signature:
        """Return the signature that decodes a grid of codes between two images."""

        def compute(betas, alphas=None, **inputs):
            code_a, code_b = self._codes(inputs)
            return named_images(self._functions.interpolate(code_a, code_b, alphas, betas))

        arguments, sizes = dict(self._pair), ['num_betas']
        # Limits what a small request can make the server compute.
        places = Argument(
            tf.float32,
            (BATCH, 'num_betas'),
            'positions between v of a (0) and v of b (1)',
            lambda x: tf.math.is_finite(x) & (tf.shape(x)[1] <= MAX_PLACES),
            f'must be finite, with at most {MAX_PLACES} per pair',
        )
        if self._model.latent.has_z:
            arguments['alphas'] = places._replace(
                shape=(BATCH, 'num_alphas'), meaning='positions between z of a (0) and z of b (1)'
            )
            sizes = ['num_alphas', 'num_betas']
        arguments['betas'] = places
        return Signature(
            compute,
            arguments,
            image_results(
                'images at every combination of positions',
                (BATCH, *sizes, *self._model.image_shape),
            ),
            'interpolate between two images (Wolf, figure 5); the corners of the grid are the '
            'images and their switches',
        )

    def _codes(self, inputs: Mapping[str, tf.Tensor]) -> tuple[LatentCode, LatentCode]:
        """Return the codes of `images_a` and of `images_b`."""

        def code(side):
            names = (f'images_{side}', f'labels_{side}')
            return self._functions.code(*(inputs[name] for name in names if name in inputs))

        return code('a'), code('b')
