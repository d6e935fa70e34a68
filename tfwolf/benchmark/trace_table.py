"""A trace of training steps as a table: time by part of the model and by kernel, gaps, copies."""

# The classes of protobufs are made when their modules are imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import collections
import glob
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from tfwolf.benchmark.trace import STEP, Trace, Work, read_trace
from tfwolf.benchmark.trace_groups import group
from tfwolf.core.compilation import has_gpu

TRACED_STEPS = 3
# Between kernels that are launched without waiting there are a few microseconds.
SHORT_GAP_SECONDS = 1e-5
COPIES = {
    'MemcpyH2D': 'host to device',
    'MemcpyD2H': 'device to host',
    'MemcpyD2D': 'within the device',
    'MemcpyP2P': 'between devices',
}
FILLS = 'Memset'
# What is recorded of the host: steps only, for a device whose kernels are recorded; or else all
# operations, not only the expensive ones.
STEPS_ONLY, ALL_OPERATIONS = 1, 3


def profile(step: Callable[[], object], folder: str) -> dict[str, Any]:
    """Write a trace of a few calls of a function into a folder, and return its `tabulate`.

    Args:
        step: a training step that returns when it is finished.
        folder: for TensorBoard's `--logdir`; traces that it contains are kept.

    Raises:
        ValueError: if nothing was recorded.
    """
    os.makedirs(folder, exist_ok=True)
    before = set(_traces(folder))
    tf.profiler.experimental.start(
        folder,
        tf.profiler.experimental.ProfilerOptions(
            host_tracer_level=STEPS_ONLY if has_gpu() else ALL_OPERATIONS,
            python_tracer_level=0,
            device_tracer_level=1,
        ),
    )
    try:
        for number in range(TRACED_STEPS):
            with tf.profiler.experimental.Trace(STEP, step_num=number, _r=1):
                step()
    finally:
        tf.profiler.experimental.stop()
    written = sorted(set(_traces(folder)) - before)
    if not written:
        raise ValueError(f'The profiler wrote no trace into {folder}.')
    with open(written[-1], 'rb') as file:
        space = xplane_pb2.XSpace.FromString(file.read())
    return {'file': written[-1], **tabulate(read_trace(space))}


def tabulate(trace: Trace) -> dict[str, Any]:
    """Return the times and counts of a `Trace`, a dict for JSON.

    All numbers are means of the steps and of the devices, times are in seconds. On the CPU, kernels
    are the types of operations, and their times are summed over threads.
    """
    count = trace.steps * len(trace.work)
    start, end = trace.window
    wall = (end - start) / trace.steps
    work = [part for of_device in trace.work for part in of_device]
    gaps = [gap for of_device in trace.work for gap in _gaps(of_device, start, end)]
    idle = sum(gaps) / count
    copies = {
        title: [part for part in work if part.kernel.startswith(name)]
        for name, title in COPIES.items()
    }
    kernels = [part for part in work if not part.kernel.startswith((*COPIES, FILLS))]
    return {
        'device': trace.device,
        'devices': len(trace.work),
        'steps': trace.steps,
        'step_seconds': wall,
        'busy_seconds': wall - idle,
        'idle_seconds': {
            'short_gaps': sum(gap for gap in gaps if gap < SHORT_GAP_SECONDS) / count,
            'long_gaps': sum(gap for gap in gaps if gap >= SHORT_GAP_SECONDS) / count,
        },
        'launches': len(kernels) / count,
        'copies': {
            title: {
                'count': len(parts) / count,
                'bytes': sum(part.num_bytes for part in parts) / count,
                'seconds': sum(part.seconds for part in parts) / count,
            }
            for title, parts in copies.items()
            if parts
        },
        'groups': _sums(work, lambda part: (group(part.origin),), ('group',), count),
        'kernels': _sums(
            work, lambda part: (part.kernel, group(part.origin)), ('kernel', 'group'), count
        ),
    }


def _sums(
    work: Iterable[Work],
    key: Callable[[Work], tuple[str, ...]],
    names: Sequence[str],
    count: int,
) -> list[dict[str, Any]]:
    """Return time and number of the work with equal keys, the longest first."""
    times: dict[tuple[str, ...], list[float]] = collections.defaultdict(list)
    for part in work:
        times[key(part)].append(part.seconds)
    total = sum(sum(values) for values in times.values())
    return [
        {
            **dict(zip(names, values, strict=True)),
            'seconds': sum(seconds) / count,
            'share': sum(seconds) / total if total else 0.0,
            'count': len(seconds) / count,
        }
        for values, seconds in sorted(times.items(), key=lambda entry: -sum(entry[1]))
    ]


def _gaps(work: Sequence[Work], start: float, end: float) -> list[float]:
    """Return the times from start to end in which nothing of some work, in order, runs."""
    gaps, reached = [], start
    for part in work:
        if part.start > reached:
            gaps.append(min(part.start, end) - reached)
        reached = min(max(reached, part.end), end)
    return [gap for gap in [*gaps, end - reached] if gap > 0]


def _traces(folder: str) -> list[str]:
    return glob.glob(os.path.join(glob.escape(folder), '**', '*.xplane.pb'), recursive=True)
