"""What is added to and removed from codes: a named attribute, or a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tfwolf.analysis.coder import Coder
from tfwolf.analysis.directions import Direction, attribute_direction, label_direction
from tfwolf.cli.class_choice import class_number
from tfwolf.cli.flags import Flags
from tfwolf.data.attributes import attribute_number
from tfwolf.data.dataset import ImageDataset, Split


class Mark(NamedTuple):
    """What some images have and others have not.

    Attributes:
        name: of the attribute or the class.
        details: what a result says about it.
        direction: function from a `Coder` and a `Split` to its `Direction`.
    """

    name: str
    details: dict[str, Any]
    direction: Callable[[Coder, Split], Direction]


def chosen_mark(options: Flags, images: ImageDataset) -> Mark:
    """Return the `Mark` that --attribute or --label names; without both, class 0.

    Args:
        options: the flags.
        images: the `ImageDataset`.

    Raises:
        ValueError: if the images have no such attribute or class.
    """
    if options.attribute is not None:
        if options.given('label'):
            raise ValueError('Give --attribute or --label, not both.')
        name = options.attribute
        number = attribute_number(images, name, '--attribute')
        return Mark(
            name,
            {'attribute': name},
            lambda coder, split: attribute_direction(coder, split, number, name),
        )
    if images.num_classes is None:
        known = f' Name one with --attribute: {", ".join(images.attributes)}.'
        raise ValueError(
            f'An attribute needs class labels or named attributes; {images.title} has no classes'
            + (f'.{known}' if images.attributes else ' and no attributes.')
        )
    label = class_number(options.label, images)
    name = images.class_name(label)
    named = name if images.classes is not None else f'class {label}'
    return Mark(
        named,
        {'label': label, 'class': name},
        lambda coder, split: label_direction(coder, split, label),
    )
