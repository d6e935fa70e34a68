"""Names of classes for captions of pictures; nothing is computed from them."""

from __future__ import annotations

from tfwolf.data.dataset import ImageDataset

_DIGITS = tuple('0123456789')
# In the order of the labels, of data sets whose source does not pass them on.
KNOWN: dict[str, tuple[str, ...]] = {
    'cifar10': (
        *('airplane', 'automobile', 'bird', 'cat', 'deer'),
        *('dog', 'frog', 'horse', 'ship', 'truck'),
    ),
    'digits': _DIGITS,
    'mnist': _DIGITS,
    'fashion_mnist': (
        *('T-shirt', 'trouser', 'pullover', 'dress', 'coat'),
        *('sandal', 'shirt', 'sneaker', 'bag', 'ankle boot'),
    ),
}


def class_name(dataset: ImageDataset, label: int) -> str:
    """Return the name of a class, or 'class N' if it has none that is known.

    Args:
        dataset: the `ImageDataset`.
        label: number of the class, at least 0.
    """
    names = dataset.classes or KNOWN.get(dataset.name, ())
    return names[label] if label < len(names) else f'class {label}'
