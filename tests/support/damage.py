"""Damaged copies of a file's content, as failing disks and interrupted copies leave them."""

import numpy as np


def damaged(content, count, seed=0):
    """Yield `content` itself, then `count` damaged versions of it.

    Bits are flipped, parts are cut off, repeated, exchanged, filled with zeros or appended.
    """
    yield content
    random = np.random.default_rng(seed)
    size, made = len(content), 0
    while made < count:
        start, end = sorted(random.integers(0, size + 1, 2).tolist())
        part = content[start:end]
        kind = random.integers(10)
        if kind < 5:
            changed = bytearray(content)
            for place in random.integers(0, size, 1 + random.integers(3)):
                changed[place] ^= 1 << random.integers(8)
        elif kind == 5:
            changed = content[:start]
        elif kind == 6:
            changed = content[:end] + part + content[end:]
        elif kind == 7:
            changed = content[:start] + bytes(len(part)) + content[end:]
        elif kind == 8:
            changed = content + (content if random.integers(2) else part + b'\0')
        else:
            changed = content[end:] + part + content[:start]
        if changed != content:
            made += 1
            yield bytes(changed)
