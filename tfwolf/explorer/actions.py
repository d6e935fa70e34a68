"""The requests of the page: from the JSON of a request to that of its answer."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

from tfwolf.explorer.description import Description, SignatureCaller
from tfwolf.explorer.fields import Fields
from tfwolf.explorer.image_files import UPLOAD_BYTES, image_from_text, image_to_text, read_upload
from tfwolf.pictures.grids import marked

# The slowest to prepare comes first: an open page requests samples by itself in the meantime.
SIGNATURES = ('interpolate', 'sample', 'bits_per_dim')
LARGEST_SEED = 2**53 - 1
LARGEST_LABEL = 2**31 - 1
LARGEST_TEMPERATURE = 10
CALLS_AT_ONCE = 2
Answer = dict[str, Any]


class Actions:
    """Answers the requests of the page with the signatures of a model.

    Images are PNG files in base64. An image with values that are not finite is replaced by a cross.
    The answer then has `finite`, a bool for each image; models that were exported by an older
    version do not report it, and `finite` is None.

    Args:
        backend: a `Servable`, or an object with its `signatures` that is called like it.
        description: the `Description` of the model.
        title: where the model is from, shown on the page.
    """

    def __init__(self, backend: SignatureCaller, description: Description, title: str) -> None:
        self.description: Description = description
        self._backend = backend
        self._title = title
        # More calls at a time would not be faster, and each needs memory.
        self._turn = threading.BoundedSemaphore(CALLS_AT_ONCE)
        self._prepared = set()
        self._preparing = {name: threading.Lock() for name in SIGNATURES}

    def model(self) -> Answer:
        """Return the properties of the model that the page needs."""
        return {**self.description._asdict(), 'title': self._title, 'upload_bytes': UPLOAD_BYTES}

    def upload(self, content: bytes) -> Answer:
        """Return `{'image', 'from_size': [width, height]}` of an image file."""
        image, size = read_upload(content, self.description.image_shape)
        return {'image': image_to_text(image), 'from_size': list(size)}

    def sample(self, body: Any) -> Answer:
        """Return `{'images': [...], 'finite': [...]}`: `count` samples of a `seed`.

        Sample i has the seeds (`seed`, i).
        """
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
        inputs: dict[str, np.ndarray] = {
            'seeds': np.array([[seed, index] for index in range(count)], np.int64)
        }
        for name in (
            'temperature_v',
            *self._if(self.description.has_temperature_z, 'temperature_z'),
        ):
            inputs[name] = np.full([count], fields.number(name, 0, LARGEST_TEMPERATURE), np.float32)
        if self.description.is_labelled:
            inputs['labels'] = np.full([count], self._label(fields, 'label'), np.int64)
        images, finite = _as_text(self._call('sample', inputs))
        return {'images': images, 'finite': finite}

    def interpolate(self, body: Any) -> Answer:
        """Return `{'images': [[...], ...], 'finite': [[...], ...]}` between two images.

        There is a list for each alpha with an entry for each beta, and a single list without z.
        The corners are the images and, with z, their switches: `images[0][-1]`, with alpha 0 and
        beta 1, has z of a and v of b.
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
        images, finite = _as_text(self._call('interpolate', inputs))
        return {
            'images': _rows(images, len(betas)),
            'finite': finite and _rows(finite, len(betas)),
        }

    def bits_per_dim(self, body: Any) -> Answer:
        """Return `{'bits_per_dim': number}` of an image, None if it is not finite."""
        fields = Fields(body, ['image', *self._if(self.description.is_labelled, 'label')])
        inputs = {'images': self._image(fields, 'image')}
        if self.description.is_labelled:
            inputs['labels'] = np.array([self._label(fields, 'label')], np.int64)
        value = float(self._call('bits_per_dim', inputs)['bits_per_dim'][0])
        return {'bits_per_dim': value if math.isfinite(value) else None}

    def warm_up(self) -> None:
        """Call every signature once, because TensorFlow optimizes it at its first call."""
        for name in SIGNATURES:
            inputs = self._backend.signatures[name].inputs
            self._call(
                name,
                {
                    key: np.zeros([size or 1 for size in info.shape], info.dtype)
                    for key, info in inputs.items()
                },
            )

    def _call(self, name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if name not in self._prepared:
            # Two first calls at a time would optimize it twice.
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
        return image_from_text(name, fields.raw(name), self.description.image_shape)[np.newaxis]

    def _label(self, fields, name):
        return fields.integer(name, 0, (self.description.num_classes or LARGEST_LABEL + 1) - 1)

    @staticmethod
    def _if(condition, *names):
        return names if condition else ()


def _as_text(outputs: dict[str, np.ndarray]) -> tuple[list[str], list[bool] | None]:
    """Return the images of a signature as text, and whether each is finite, in one list each."""
    images, finite = outputs['images'], outputs.get('finite')
    images = images.reshape([-1, *images.shape[-3:]])
    if finite is not None:
        finite = finite.ravel()
        images = marked(images, finite)
    return [image_to_text(image) for image in images], None if finite is None else finite.tolist()


def _rows(values: list, length: int) -> list[list]:
    return [values[start : start + length] for start in range(0, len(values), length)]
