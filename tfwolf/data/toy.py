"""Two-dimensional toys: moons, rings and a checkerboard, with a known density."""

from __future__ import annotations

from tfwolf.core import seeds, validate
from tfwolf.core.messages import did_you_mean
from tfwolf.data import dataset, holdout
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.registry import register_source
from tfwolf.data.toy_densities import DENSITIES, ToyDensity
from tfwolf.data.vectors import as_images, vector_dataset, vector_shape

FEATURES = ('x', 'y')


@register_source('toy', location='NAME')
def load_toy(
    location: str,
    num_examples: int = 50_000,
    validation_size: holdout.PartSize = holdout.VALIDATION_SIZE,
    test_size: holdout.PartSize = holdout.TEST_SIZE,
) -> dataset.ImageDataset:
    """Return points of a `ToyDensity` as an `ImageDataset` of vectors.

    Point i is a function of the name and of i alone. The first points are for training; those after
    them for validation, and the last ones for test.

    Args:
        location: 'moons', 'rings' or 'checkerboard'.
        num_examples: number of points in all splits, at least 3.
        validation_size, test_size: see `sources.load_dataset`.

    Raises:
        ValueError: if there is no such toy, or a number is out of range.
    """
    density = toy_density(location)
    total = validate.integer('num_examples', num_examples, 3)

    def points():
        # Philox fills rows in order, so that more rows do not change the first ones.
        random = seeds.generator(0, 'toy', location)
        return as_images(density.points(random.random((total, density.num_uniforms)))), None

    examples = ArraySplit(points, total, vector_shape(2), image_type='float32')
    count = holdout.part_size('test_size', test_size, total)
    training, test = (
        examples.select(range(total - count)),
        examples.select(range(total - count, total)),
    )
    return vector_dataset(
        location,
        (*holdout.split_validation(training, validation_size), test),
        FEATURES,
        entropy_nats=density.entropy_nats,
    )


def density_of(source: str | None) -> ToyDensity | None:
    """Return the `ToyDensity` of a source such as 'toy:rings'; None for other sources."""
    name, _, location = (source or '').partition(':')
    return DENSITIES[location]() if name == 'toy' and location in DENSITIES else None


def toy_density(name: str) -> ToyDensity:
    """Return the `ToyDensity` of a name.

    Raises:
        ValueError: if there is none.
    """
    if name not in DENSITIES:
        raise ValueError(
            f'The toy must be one of {", ".join(DENSITIES)}; got {name!r}.'
            f'{did_you_mean(name, DENSITIES)}'
        )
    return DENSITIES[name]()
