"""Log-likelihoods, codes and samples of a density of vectors `[n, features]`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.analysis.coder import Coder
from tfwolf.analysis.sampling import draw_samples
from tfwolf.core.image_noise import V, image_seeds, normal_per_image
from tfwolf.data.vectors import as_images, as_vectors, vector_split
from tfwolf.evaluation.likelihood import image_likelihoods, likelihood_terms
from tfwolf.models.wolf import Wolf

BATCH = 2048


def log_likelihood(
    model: Wolf, vectors: np.ndarray, num_samples: int = 1, seed: int = 0
) -> np.ndarray:
    """Return log p of vectors in nats, in the unit of the data, float64 `[n]`.

    Without z it is exact, and needs no samples. With z it is the importance-weighted bound.

    Args:
        model: an initialized `Wolf` of vectors.
        vectors: real numbers `[n, features]`.
        num_samples: K, draws of z per vector, for a model with z.
        seed: integer, of these draws.

    Raises:
        ValueError: if the model is not one of vectors, the vectors have another number of features,
            or they are not finite.

    >>> data = np.random.default_rng(0).normal(size=[512, 3])
    >>> flow = functools.partial(tfwolf.VectorRealNVP, num_steps=1, hidden_channels=8)
    >>> model = tfwolf.Wolf([1, 1, 3], num_bits=None, flow=flow, latent=tfwolf.NoLatent)
    >>> tfwolf.initialize(model, data[:, None, None].astype(np.float32), seed=0)
    >>> tfwolf.log_likelihood(model, data).shape
    (512,)
    """
    features = _features(model)
    split = vector_split('`vectors`', checked_vectors(vectors, features), names_of(features))
    # Replicas would share a batch.
    strategy = tf.distribute.get_strategy()
    terms = likelihood_terms(model, split, BATCH, num_samples, seed, strategy)
    return -image_likelihoods(terms, 1, model.values.unit)[1]


def sample_vectors(model: Wolf, num_vectors: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return (samples, their v), float32 `[num_vectors, features]` each; see `Wolf.sample`.

    Raises:
        ValueError: if the model is not one of vectors.
    """
    _features(model)
    drawn = draw_samples(Coder(model, min(BATCH, num_vectors)), num_vectors, seed)
    pairs = image_seeds(seed, num_vectors)
    v = normal_per_image(model.image_shape, pairs, V, model.dtype)
    return as_vectors(drawn.images), as_vectors(v.numpy())


def encode_vectors(model: Wolf, vectors: np.ndarray) -> np.ndarray:
    """Return v of vectors, `[n, features]`; with z, that of the mean of q(z|x).

    Raises:
        ValueError: as `log_likelihood`.
    """
    images = as_images(checked_vectors(vectors, _features(model)))
    return as_vectors(Coder(model, min(BATCH, len(images))).encode(images).v)


def checked_vectors(vectors: np.ndarray, features: int) -> np.ndarray:
    """Return vectors as an array after checking their number of features.

    Raises:
        ValueError: if they are not `[n, features]`.
    """
    vectors = np.asarray(vectors)
    if vectors.ndim != 2 or vectors.shape[1] != features or not len(vectors):
        raise ValueError(
            f'`vectors` must be [n, {features}] and not empty, as the model was trained; got '
            f'{vectors.shape}.'
        )
    return vectors


def names_of(features: int) -> Sequence[str]:
    """Return the numbers of features from 1, their names where they have no others."""
    return [str(number) for number in range(1, features + 1)]


def _features(model: Wolf) -> int:
    height, width, features = model.image_shape
    if not model.values.is_continuous or (height, width) != (1, 1):
        raise ValueError(
            'The model must be one of vectors: images of one pixel and num_bits=None; got images '
            f'of {height}x{width}x{features} and num_bits={model.num_bits}.'
        )
    return features
