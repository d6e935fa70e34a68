"""What the page can ask of the model: from the JSON of a request to that of its answer."""

from __future__ import annotations

import math
import threading
from typing import Any, Protocol

import numpy as np

from tfwolf.explorer.description import Description
from tfwolf.explorer.fields import Fields
from tfwolf.explorer.pictures import UPLOAD_BYTES, picture_from_text, picture_to_text, read_upload
from tfwolf.serving.signature_defs import Signature

# Longest to prepare first: meanwhile a page that is open asks for samples itself.
SIGNATURES = ('interpolate', 'sample', 'bits_per_dim')
LARGEST_SEED = 2**53 - 1
LARGEST_LABEL = 2**31 - 1
LARGEST_TEMPERATURE = 10
CALLS_AT_ONCE = 2
Answer = dict[str, Any]


class Backend(Protocol):
    """What calls a model's signatures: a `Servable`, or a `RestServable`."""

    signatures: dict[str, Signature]

    def __call__(self, name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns `{name: array}` of a signature's outputs for `{name: array}` of its inputs."""


class Actions:
    """The model's signatures as requests of the page. Images travel as PNG files in base64.

    Args:
        backend: a `Servable`, or what has its `signatures` and can be called like it.
        description: the model's `Description`.
        title: where the model is from, for the page.
    """

    def __init__(self, backend: Backend, description: Description, title: str) -> None:
        self.description: Description = description
        self._backend = backend
        self._title = title
        # More at a time would not be faster, and each takes memory.
        self._turn = threading.BoundedSemaphore(CALLS_AT_ONCE)
        self._prepared = set()
        self._preparing = {name: threading.Lock() for name in SIGNATURES}

    def model(self) -> Answer:
        """Returns what the page needs to know of the model."""
        return {**self.description._asdict(), 'title': self._title, 'upload_bytes': UPLOAD_BYTES}

    def upload(self, content: bytes) -> Answer:
        """Returns `{'image', 'from_size': [width, height]}` of a picture file."""
        image, size = read_upload(content, self.description.image_shape)
        return {'image': picture_to_text(image), 'from_size': list(size)}

    def sample(self, body: Any) -> Answer:
        """Returns `{'images': [...]}`: `count` samples, of the seeds (`seed`, 0), (`seed`, 1), ..."""
        fields = Fields(
            body,
            [
                'count',
                'seed',
                'temperature_v',
                *self._if(self.description.has_temperature_z, 'temperature_z'),
                *self._if(self.description.is_labelled, 'label'),
            ],
        )
        count = fields.integer('count', 1, self.description.max_images)
        seed = fields.integer('seed', 0, LARGEST_SEED)
        inputs = {'seeds': np.array([[seed, index] for index in range(count)], np.int64)}
        for name in (
            'temperature_v',
            *self._if(self.description.has_temperature_z, 'temperature_z'),
        ):
            inputs[name] = np.full([count], fields.number(name, 0, LARGEST_TEMPERATURE), np.float32)
        if self.description.is_labelled:
            inputs['labels'] = np.full([count], self._label(fields, 'label'), np.int64)
        return {
            'images': [picture_to_text(image) for image in self._call('sample', inputs)['images']]
        }

    def interpolate(self, body: Any) -> Answer:
        """Returns `{'images': [[...], ...]}`: of every alpha a list with an image of every beta;
        one list without z.

        The corners are the images and, with z, their switches: `images[0][-1]`, at alpha 0 and beta
            1, has z of a and v of b.
        """
        fields = Fields(
            body,
            [*self._names_of_pair(), *self._if(self.description.latent_dim, 'alphas'), 'betas'],
        )
        inputs = self._pair(fields)
        betas = fields.numbers('betas', 0, 1, self.description.max_images)
        inputs['betas'] = np.array([betas], np.float32)
        if self.description.latent_dim:
            inputs['alphas'] = np.array(
                [fields.numbers('alphas', 0, 1, self.description.max_images // len(betas))],
                np.float32,
            )
        images = self._call('interpolate', inputs)['images'][0]
        images = images.reshape([-1, len(betas), *self.description.image_shape])
        return {'images': [[picture_to_text(image) for image in row] for row in images]}

    def bits_per_dim(self, body: Any) -> Answer:
        """Returns `{'bits_per_dim': number}` of an image, None where it is not finite."""
        fields = Fields(body, ['image', *self._if(self.description.is_labelled, 'label')])
        inputs = {'images': self._image(fields, 'image')}
        if self.description.is_labelled:
            inputs['labels'] = np.array([self._label(fields, 'label')], np.int64)
        value = float(self._call('bits_per_dim', inputs)['bits_per_dim'][0])
        return {'bits_per_dim': value if math.isfinite(value) else None}

    def warm_up(self) -> None:
        """Calls every signature once: TensorFlow prepares it at its first call, for seconds."""
        for name in SIGNATURES:
            inputs = self._backend.signatures[name].inputs
            self._call(
                name,
                {
                    key: np.zeros([size or 1 for size in info.shape], info.dtype)
                    for key, info in inputs.items()
                },
            )

    def _call(self, name, inputs):
        if name not in self._prepared:
            # Two first calls at once would prepare it twice.
            with self._preparing[name]:
                outputs = self._backend(name, inputs)
                self._prepared.add(name)
                return outputs
        with self._turn:
            return self._backend(name, inputs)

    def _names_of_pair(self):
        return ['a', 'b', *self._if(self.description.is_labelled, 'label_a', 'label_b')]

    def _pair(self, fields):
        inputs = {f'images_{side}': self._image(fields, side) for side in 'ab'}
        if self.description.is_labelled:
            inputs.update(
                {
                    f'labels_{side}': np.array([self._label(fields, f'label_{side}')], np.int64)
                    for side in 'ab'
                }
            )
        return inputs

    def _image(self, fields, name):
        return picture_from_text(name, fields.raw(name), self.description.image_shape)[np.newaxis]

    def _label(self, fields, name):
        return fields.integer(name, 0, (self.description.num_classes or LARGEST_LABEL + 1) - 1)

    @staticmethod
    def _if(condition, *names):
        return names if condition else ()
