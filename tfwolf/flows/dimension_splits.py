"""Halves of the dimensions of an image of patches, as orders of all dimensions (Jet, section 3)."""

from __future__ import annotations

import numpy as np

from tfwolf.core import seeds

# Couplings by channels in front of each coupling by patches.
CHANNEL_SPLITS = 4


def split_order(index: int, shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Return the order of the dimensions in which coupling number `index` splits by channels.

    The first half of the channels conditions. Four random choices of channels are followed by one
    choice of patches: in turn a checkerboard, vertical and horizontal stripes, each followed by its
    opposite.

    Args:
        index: number of the coupling in its flow, from 0.
        shape: (height, width, channels) of the image of patches; all must be even.
        seed: seed of the random choices.

    Returns:
        Integers of shape `shape`; the flat index in the image of each dimension.
    """
    cycle, place = divmod(index, CHANNEL_SPLITS + 1)
    if place == CHANNEL_SPLITS:
        return patch_order(conditioning_patches(cycle, shape[:2]), shape[2])
    channels = seeds.generator(seed, 'channels', index).permutation(shape[2])
    return np.arange(np.prod(shape)).reshape(shape)[:, :, channels]


def conditioning_patches(cycle: int, grid: tuple[int, int]) -> np.ndarray:
    """Return which patches condition, bool `[height, width]`.

    They are, by `cycle` modulo 6, those of one color of a checkerboard, of every second column, or
    of every second row; an odd cycle has the others.
    """
    rows, columns = np.indices(grid)
    pattern = (rows + columns, columns, rows)[cycle // 2 % 3]
    return pattern % 2 == cycle % 2


def patch_order(conditions: np.ndarray, channels: int) -> np.ndarray:
    """Return the order in which a split by channels splits by patches, `[height, width, channels]`.

    Each patch is cut into two halves, which lie at two neighbouring places in the new order: those
    of conditioning patches in the first channels, those of the others in the last ones. So both
    parts have half of the channels at every place, as in a split by channels.

    Args:
        conditions: which patches condition, bool `[height, width]`; half of them.
        channels: number of channels of a patch, even.
    """
    grid = conditions.shape
    patches = np.arange(conditions.size * channels).reshape(*grid, channels)
    parts = [patches[chosen].reshape(*grid, channels // 2) for chosen in (conditions, ~conditions)]
    return np.concatenate(parts, axis=-1)
