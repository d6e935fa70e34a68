"""How much memory a computation may still take: a process that takes more is killed silently."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import tensorflow as tf

PROC, CGROUPS = pathlib.Path('/proc'), pathlib.Path('/sys/fs/cgroup')
# Files of the limit, of the use, and the part of the use in `memory.stat` that can be given back:
# of the second version of control groups, and of the first.
_VERSIONS = (
    ('', 'memory.max', 'memory.current', 'inactive_file'),
    ('memory', 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'),
)


def free_bytes() -> int | None:
    """Return the free memory of a GPU if there is one, else of this machine; None if unknown.

    For several GPUs it is that of the smallest.
    """
    if tf.config.list_physical_devices('GPU'):
        return _gpu_bytes()
    return machine_bytes()


def machine_bytes(proc: pathlib.Path = PROC, cgroups: pathlib.Path = CGROUPS) -> int | None:
    """Return the memory that processes on this machine may still take, None if it is unknown.

    It is what Linux calls available, or less if the process is in a container or job with a limit.

    Args:
        proc: where Linux describes its processes.
        cgroups: where it describes their limits.
    """
    limits = [*_available(proc), *_within_groups(proc, cgroups)]
    return max(0, min(limits)) if limits else None


def _available(proc: pathlib.Path) -> Iterator[int]:
    for line in _lines(proc / 'meminfo'):
        name, _, value = line.partition(':')
        if name == 'MemAvailable':
            yield 1024 * int(value.split()[0])


def _within_groups(proc: pathlib.Path, cgroups: pathlib.Path) -> Iterator[int]:
    """Yield what each limited control group of this process leaves, those around it included."""
    for line in _lines(proc / 'self/cgroup'):
        _, controllers, path = line.split(':', 2)
        if controllers and 'memory' not in controllers.split(','):
            continue
        for folder, limit, used, cached in _VERSIONS:
            if bool(controllers) != bool(folder):
                continue
            # Within a container its own group is the top one, and the path may not exist.
            group = pathlib.PurePosixPath(path.lstrip('/'))
            for place in (group, *group.parents):
                most = _number(cgroups / folder / place / limit)
                now = _number(cgroups / folder / place / used)
                if most is not None and now is not None:
                    yield most - now + _cached(cgroups / folder / place / 'memory.stat', cached)


def _cached(path: pathlib.Path, name: str) -> int:
    return sum(int(line.split()[1]) for line in _lines(path) if line.split()[0] == name)


def _number(path: pathlib.Path) -> int | None:
    """Return the number in a file; None if there is no file, or no limit ('max')."""
    text = ''.join(_lines(path))
    return int(text) if text.isdecimal() else None


def _lines(path: pathlib.Path) -> list[str]:
    try:
        return path.read_text(encoding='utf-8').splitlines()
    except OSError:
        return []


def _gpu_bytes() -> int | None:
    from tensorflow.python.client import device_lib

    limits = [
        device.memory_limit
        for device in device_lib.list_local_devices()
        if device.device_type == 'GPU'
    ]
    return min(limits) if limits else None
