"""Inception features from a file of weights: the TensorFlow graph of 2015 and Keras's network."""

from __future__ import annotations

import functools
import os
import tarfile
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core.files import sha256
from tfwolf.core.messages import first_line
from tfwolf.metrics.extractor import Extractor
from tfwolf.pictures.grids import to_rgb

INCEPTION_2015 = 'inception-2015-12-05.tgz'
INCEPTION_2015_GRAPH = 'classify_image_graph_def.pb'
INCEPTION_2015_ADDRESS = (
    'http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz'
)
KERAS_INCEPTION = 'inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5'
KERAS_ADDRESS = (
    f'https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{KERAS_INCEPTION}'
)
INCEPTION_SIDE = 299


def inception_2015(weights: str | None) -> Extractor:
    """Return the `Extractor` of the pool features of the Inception graph of 2015.

    Args:
        weights: file of the graph or of the archive with it; None looks in Keras's cache.

    Raises:
        ValueError: if there is no such file, or it is not this graph.
    """
    path = _find(weights, [INCEPTION_2015, INCEPTION_2015_GRAPH], INCEPTION_2015_ADDRESS)
    definition = tf.compat.v1.GraphDef()
    try:
        definition.ParseFromString(_graph_bytes(path))
        graph = tf.Graph()
        with graph.as_default():
            # The input of the graph's own resizing to 299 x 299; the ops before it read one JPEG.
            given = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3])
            pooled = tf.graph_util.import_graph_def(
                definition, input_map={'ExpandDims:0': given}, return_elements=['pool_3:0']
            )[0]
        # A session, because the graph's batch norm is an old op that TensorFlow runs only in graphs
        # of its version, not in functions.
        session = tf.compat.v1.Session(graph=graph)
        session.run(pooled, {given: np.zeros([1, 8, 8, 3], np.float32)})
    except Exception as error:  # tarfile, protobuf and TensorFlow raise different classes
        raise ValueError(
            f'{path} is not the Inception graph of 2015, {INCEPTION_2015_GRAPH} or the archive '
            f'with it: {error}. It is published at {INCEPTION_2015_ADDRESS}.'
        ) from error

    def compute(images: np.ndarray) -> np.ndarray:
        return session.run(pooled, {given: to_rgb(images).astype(np.float32)}).reshape(
            len(images), -1
        )

    return Extractor(
        'inception2015',
        compute,
        f'in the graph: bilinear to {INCEPTION_SIDE}x{INCEPTION_SIDE}',
        sha256(path),
        comparable=True,
    )


def keras_inception(weights: str | None) -> Extractor:
    """Return the `Extractor` of the average-pooled features of Keras's Inception V3.

    Args:
        weights: file of the network's weights; None looks in Keras's cache.

    Raises:
        ValueError: if there is no such file, or it has other weights.
    """
    from tfwolf.core.pinned_keras import default_settings, keras

    path = _find(weights, [KERAS_INCEPTION], KERAS_ADDRESS)
    with default_settings():
        network = keras.applications.InceptionV3(
            include_top=False,
            weights=None,  # pyright: ignore[reportArgumentType]
            pooling='avg',
            input_shape=(INCEPTION_SIDE, INCEPTION_SIDE, 3),
        )
    try:
        network.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(
            f'{path} is not the file of weights {KERAS_INCEPTION}: {first_line(error)}. '
            f'It is published at {KERAS_ADDRESS}.'
        ) from error

    @functools.partial(tf.function, autograph=False, reduce_retracing=True)
    def pool(images: np.ndarray) -> tf.Tensor:
        resized = tf.image.resize(
            tf.cast(images, tf.float32), [INCEPTION_SIDE, INCEPTION_SIDE], 'bilinear'
        )
        return network(resized / 127.5 - 1.0, training=False)

    return Extractor(
        'keras',
        lambda images: pool(to_rgb(images)).numpy(),
        f'bilinear to {INCEPTION_SIDE}x{INCEPTION_SIDE}, half-pixel centers',
        sha256(path),
    )


def _graph_bytes(path: str) -> bytes:
    """Return the serialized graph in a file, which may be an archive."""
    if not tarfile.is_tarfile(path):
        with open(path, 'rb') as file:
            return file.read()
    with tarfile.open(path) as archive:
        for entry in archive:
            if os.path.basename(entry.name) == INCEPTION_2015_GRAPH:
                member = archive.extractfile(entry)
                if member is not None:
                    return member.read()
    raise ValueError(f'no file {INCEPTION_2015_GRAPH} in the archive')


def _find(path: str | None, names: Sequence[str], address: str) -> str:
    """Return the path of a file of weights: `path`, or one of `names` in Keras's cache."""
    if path is not None:
        if not os.path.isfile(path):
            raise ValueError(
                f'There is no file {path!r} with the weights. It is published at {address}.'
            )
        return path
    cache = os.path.join(
        os.environ.get('KERAS_HOME') or os.path.join(os.path.expanduser('~'), '.keras'), 'models'
    )
    for name in names:
        if os.path.isfile(os.path.join(cache, name)):
            return os.path.join(cache, name)
    raise ValueError(
        f'The weights of Inception are missing: no {" or ".join(names)} in {cache}. Nothing is '
        f'downloaded; fetch {address} and put it there, or name the file with '
        '--inception_weights.'
    )
