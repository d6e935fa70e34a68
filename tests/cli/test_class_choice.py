"""--label names a class by its name or by its number."""

import types

import numpy as np
import pytest

from support.small_models import random_images, small_class_model, small_wolf
from tfwolf.cli.class_choice import class_number, sampled_class
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.dataset import ImageDataset


def images_of(classes, num_classes=None):
    """Return images with these names of classes."""
    count = num_classes or (len(classes) if classes else None)
    split = ArraySplit(lambda: (random_images(4), np.zeros(4, np.int64)), 4, (8, 8, 3))
    return ImageDataset('pets', (8, 8, 3), count, split, split, split, classes=classes)


def test_names_and_numbers():
    pets = images_of(('cat', 'dog', '10', '1'))
    assert [class_number(given, pets) for given in ('cat', 'dog', '0', '2')] == [0, 1, 0, 2]
    assert class_number('1', pets) == 3, 'the name before the number of another'
    assert class_number('7', images_of(None, 8)) == 7


@pytest.mark.parametrize(
    'classes, given, message',
    [
        (('cat', 'dog'), 'dgo', 'a class from 0 to 1 or its name: cat, dog; got dgo. Did you mean'),
        (('cat', 'dog'), '2', 'must be a class from 0 to 1 or its name: cat, dog; got 2.'),
        (('cat', 'dog'), '-1', 'got -1.'),
        (tuple(f'c{n}' for n in range(13)), 'x', r'c0, c1, .*, c11, \.\.\.; got x\.'),
        (None, 'cat', 'must be a class from 0 to 4; got cat.'),
    ],
)
def test_unknown_classes_are_errors_that_list_the_known(classes, given, message):
    with pytest.raises(ValueError, match=f'^--label .*{message}'):
        class_number(given, images_of(classes, None if classes else 5))


def test_samples_need_a_model_of_classes():
    pets = images_of(('cat', 'dog', 'frog'))
    run = types.SimpleNamespace(model=small_class_model(), dataset=pets)
    assert sampled_class('frog', run) == 2 and sampled_class(None, run) is None
    run = types.SimpleNamespace(model=small_wolf(), dataset=pets)
    with pytest.raises(ValueError, match='needs a model whose z comes from class labels'):
        sampled_class('frog', run)
