"""Functions from images to features, for distances between sets of images. Features of different
ones must never be compared.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import tarfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.core.files import sha256
from tfwolf.core.messages import first_line
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
# A covariance of more takes gigabytes.
MOST_FEATURES = 8192


class Extractor(NamedTuple):
    """A function from images to features, and what it is.

    Attributes:
        name: 'inception2015', 'keras', 'pixels' or 'module:function'.
        compute: function from uint8 `[batch, height, width, channels]` to `[batch, dim]`.
        resize: how images become the size that it works on.
        weights_sha256: of the file of its weights, or of its source; None where there is none.
        comparable: whether distances may stand beside those of papers.
    """

    name: str
    compute: Callable[[np.ndarray], Any]
    resize: str
    weights_sha256: str | None = None
    comparable: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal of two extractors whose features are compared, a dict of JSON values."""
        return {'name': self.name, 'weights_sha256': self.weights_sha256, 'resize': self.resize}

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns the features of images, float64 `[batch, dim]`.

        Raises:
            ValueError: if they are not one row of at most 8,192 numbers for each image.
        """
        features = np.asarray(self.compute(np.asarray(images)))
        if (
            features.ndim != 2
            or len(features) != len(images)
            or not 1 <= features.shape[1] <= MOST_FEATURES
        ):
            raise ValueError(
                f'The features {self.name!r} must be [batch, dim] with dim at most '
                f'{MOST_FEATURES:,}; of {len(images)} images of '
                f'{tuple(images.shape[1:])} they are {features.shape}.'
            )
        return features.astype(np.float64)


def make_extractor(name: str, weights: str | None = None) -> Extractor:
    """Returns the `Extractor` of a name.

    Args:
        name: 'inception2015': the pool features of the network that the distance was defined with;
            'keras': those of Keras's Inception V3, another network; 'pixels': colour values in [0,
            1]; or 'module:function', a function of your own.
        weights: file of the network's weights; None looks in Keras's cache. Nothing is downloaded.

    Raises:
        ValueError: if there is no such function, or no such file; the message says where it is
            published.
    """
    if name in ('inception2015', 'keras'):
        return {'inception2015': _inception2015, 'keras': _keras_inception}[name](weights)
    if weights is not None:
        raise ValueError(f'`weights` are for inception2015 and keras; {name!r} has none.')
    if name == 'pixels':
        return Extractor('pixels', lambda images: images.reshape(len(images), -1) / 255.0, 'none')
    return _of_function(name)


def _inception2015(weights):
    path = _find(weights, [INCEPTION_2015, INCEPTION_2015_GRAPH], INCEPTION_2015_ADDRESS)
    definition = tf.compat.v1.GraphDef()
    try:
        if tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                text = archive.extractfile(
                    next(
                        entry
                        for entry in archive
                        if os.path.basename(entry.name) == INCEPTION_2015_GRAPH
                    )
                ).read()
        else:
            with open(path, 'rb') as file:
                text = file.read()
        definition.ParseFromString(text)

        graph = tf.Graph()
        with graph.as_default():
            # Before its own enlargement to 299 x 299; what comes before that reads one JPEG.
            given = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3])
            pooled = tf.graph_util.import_graph_def(
                definition, input_map={'ExpandDims:0': given}, return_elements=['pool_3:0']
            )[0]
        # A session: its batch norm is an op that TensorFlow runs only in graphs of its age, not in
        # functions.
        session = tf.compat.v1.Session(graph=graph)
        session.run(pooled, {given: np.zeros([1, 8, 8, 3], np.float32)})
    except Exception as error:  # of tarfile, protobuf and TensorFlow, each of another kind
        raise ValueError(
            f'{path} is not the Inception graph of 2015, {INCEPTION_2015_GRAPH} or the archive '
            f'with it: {error}. '
            f'It is published at {INCEPTION_2015_ADDRESS}.'
        ) from error

    def compute(images):
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


def _keras_inception(weights):
    import keras

    path = _find(weights, [KERAS_INCEPTION], KERAS_ADDRESS)
    network = keras.applications.InceptionV3(
        include_top=False,
        weights=None,
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
    def pool(images):
        enlarged = tf.image.resize(
            tf.cast(images, tf.float32), [INCEPTION_SIDE, INCEPTION_SIDE], 'bilinear'
        )
        return network(enlarged / 127.5 - 1.0, training=False)

    return Extractor(
        'keras',
        lambda images: pool(to_rgb(images)).numpy(),
        f'bilinear to {INCEPTION_SIDE}x{INCEPTION_SIDE}, half-pixel centres',
        sha256(path),
    )


def _of_function(name):
    module_name, colon, function_name = name.partition(':')
    if not (module_name and colon and function_name):
        raise ValueError(
            "`features` must be 'inception2015', 'keras', 'pixels' or 'module:function'; got "
            f'{name!r}.'
        )
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        module = importlib.import_module(module_name)
        function = getattr(module, function_name)
    except ImportError as error:
        raise ValueError(
            f'The module of the features {name!r} cannot be imported: {error} (working directory: '
            f'{os.getcwd()}).'
        ) from error
    except AttributeError as error:
        raise ValueError(
            f'The module {module_name} has no function {function_name!r} for the features {name!r}.'
        ) from error
    if not callable(function):
        raise ValueError(
            f'{name!r} must be a function of uint8 images [batch, height, width, channels]; got '
            f'{function!r}.'
        )
    source = getattr(module, '__file__', None)
    return Extractor(name, function, 'as the function does', sha256(source) if source else None)


def _find(path, names, address):
    """Returns the path of a file of weights: `path`, or one of `names` in Keras's cache."""
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
        f'The weights of Inception are not here: no {" or ".join(names)} in {cache}. Nothing is '
        f'downloaded; fetch {address} and name the file '
        'with --inception_weights, or put it there.'
    )
