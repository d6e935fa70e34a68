"""Names of the classes of well-known data sets, for outputs; nothing is computed from them."""

from __future__ import annotations

# In the order of the labels of TFDS.
KNOWN: dict[str, tuple[str, ...]] = {
    'cifar10': (
        *('airplane', 'automobile', 'bird', 'cat', 'deer'),
        *('dog', 'frog', 'horse', 'ship', 'truck'),
    ),
    'fashion_mnist': (
        *('T-shirt', 'trouser', 'pullover', 'dress', 'coat'),
        *('sandal', 'shirt', 'sneaker', 'bag', 'ankle boot'),
    ),
}


def known_classes(name: str, num_classes: int) -> tuple[str, ...] | None:
    """Return the names of the classes of a data set of TFDS, or None if they are not known.

    Args:
        name: of the data set, such as 'cifar10'.
        num_classes: number of its classes; names of another number are not its own.
    """
    names = KNOWN.get(name, ())
    return names if len(names) == num_classes and names else None
