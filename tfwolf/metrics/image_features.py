"""Features of images by name, for distances between sets of images.

Distances between features of different extractors are meaningless.
"""

from __future__ import annotations

import importlib
import os
import sys

from tfwolf.core.files import sha256
from tfwolf.metrics.extractor import Extractor
from tfwolf.metrics.inception import inception_2015, keras_inception


def make_extractor(name: str, weights: str | None = None) -> Extractor:
    """Return the `Extractor` of a name.

    Args:
        name: 'inception2015': the pool features of the network that the distance was defined with;
            'keras': those of Keras's Inception V3, another network; 'pixels': color values in
            [0, 1]; or 'module:function', a custom function.
        weights: file of the network's weights; None looks in Keras's cache. Nothing is downloaded.

    Raises:
        ValueError: if there is no such function, or no such file; the message says where it is
            published.
    """
    if name in ('inception2015', 'keras'):
        return {'inception2015': inception_2015, 'keras': keras_inception}[name](weights)
    if weights is not None:
        raise ValueError(
            '`weights` must be None for features other than inception2015 and keras; got '
            f'weights={weights!r} for {name!r}.'
        )
    if name == 'pixels':
        return Extractor('pixels', lambda images: images.reshape(len(images), -1) / 255.0, 'none')
    return _of_function(name)


def _of_function(name: str) -> Extractor:
    """Return the `Extractor` of 'module:function', imported also from the working directory."""
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
