"""What a trace of `tf.profiler` contains: kernels and copies of GPUs, or operations of the CPU."""

# The classes of protobufs are made when their modules are imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tensorflow.tsl.profiler.protobuf import xplane_pb2

from tfwolf.benchmark.compiled_names import Origin, compiled_origins, origin_of

# The name under which steps are recorded.
STEP = 'training_step'
HOST = '/host:CPU'
DEVICE = re.compile('/device:(GPU|TPU)')
# An operation of TensorFlow in the lines of the host: its name and its type.
OPERATION = re.compile(r'[^\s:]+:_?[A-Z]\w*')
INPUT_THREADS = 'tf_data'
SECONDS_PER_PS = 1e-12


class Work(NamedTuple):
    """A kernel, a copy or an operation.

    Attributes:
        kernel: name of the kernel or copy; on the CPU the type of the operation.
        origin: the `Origin`, the operation that it belongs to.
        start, end: seconds since the start of the trace.
        seconds: its time without that of others within it.
        num_bytes: of a copy; 0 for others.
    """

    kernel: str
    origin: Origin
    start: float
    end: float
    seconds: float
    num_bytes: int = 0


class Trace(NamedTuple):
    """The steps of a trace.

    Attributes:
        device: name of the devices, such as 'NVIDIA H100'; None if only the CPU worked.
        work: for each device, or for the CPU, its `Work` in the order of time.
        steps: number of steps.
        window: start and end of the steps, in seconds since the start of the trace.
    """

    device: str | None
    work: Sequence[Sequence[Work]]
    steps: int
    window: tuple[float, float]


def read_trace(space: xplane_pb2.XSpace) -> Trace:
    """Return the `Trace` in an `XSpace`, the protobuf that `tf.profiler` writes.

    Without steps that are marked by `STEP`, everything counts as one step.

    Raises:
        ValueError: if the trace has neither kernels nor operations.
    """
    compiled = compiled_origins(space)
    devices = [plane for plane in space.planes if DEVICE.match(plane.name) and _has_events(plane)]
    host = next((plane for plane in space.planes if plane.name == HOST), None)
    if devices:
        work = [_device_work(plane, compiled) for plane in devices]
    else:
        work = [] if host is None else [_host_work(host, compiled)]
    if not any(work):
        raise ValueError('The trace contains neither kernels of a device nor operations.')
    marks = [] if host is None else list(_marks(host))
    everything = [part for of_device in work for part in of_device]
    return Trace(
        _device_name(devices[0]) if devices else None,
        work,
        len(marks) or 1,
        (
            min(start for start, _ in marks or ((part.start, 0) for part in everything)),
            max(end for _, end in marks or ((0, part.end) for part in everything)),
        ),
    )


def _device_work(plane: xplane_pb2.XPlane, compiled: Mapping) -> list[Work]:
    found = []
    for line in plane.lines:
        # Other lines repeat the streams by operation, module or step.
        if not line.name.startswith('Stream'):
            continue
        for event, kernel, start, end in _events(plane, line):
            stats = _stats(plane, event)
            size = re.search(r'size:(\d+)', str(stats.get('memcpy_details', '')))
            origin = origin_of(stats, compiled)
            found.append(Work(kernel, origin, start, end, end - start, int(size[1]) if size else 0))
    return sorted(found, key=lambda work: work.start)


def _host_work(plane: xplane_pb2.XPlane, compiled: Mapping) -> list[Work]:
    found: list[Work] = []
    for line in plane.lines:
        of_input = line.name.startswith(INPUT_THREADS)
        # Operations within which the current one runs; the time of a part is not theirs.
        around: list[int] = []
        for event, name, start, end in sorted(
            _events(plane, line), key=lambda entry: (entry[2], -entry[3])
        ):
            stats = {} if OPERATION.fullmatch(name) else _stats(plane, event)
            if not (OPERATION.fullmatch(name) or 'hlo_op' in stats):
                continue
            origin = origin_of(stats or {'tf_op': name}, compiled)
            if of_input:
                origin = Origin(f'input/{origin.path}', origin.operation)
            while around and found[around[-1]].end <= start:
                around.pop()
            if around:
                outer = found[around[-1]]
                found[around[-1]] = outer._replace(seconds=outer.seconds - (end - start))
            around.append(len(found))
            found.append(Work(origin.operation or name, origin, start, end, end - start))
    return sorted(found, key=lambda work: work.start)


def _marks(plane: xplane_pb2.XPlane) -> Iterator[tuple[float, float]]:
    """Yield start and end of each marked step."""
    for line in plane.lines:
        for _, name, start, end in _events(plane, line):
            if name == STEP:
                yield start, end


def _events(
    plane: xplane_pb2.XPlane, line: xplane_pb2.XLine
) -> Iterator[tuple[xplane_pb2.XEvent, str, float, float]]:
    """Yield each event of a line with its name, start and end."""
    for event in line.events:
        start = 1e-9 * line.timestamp_ns + SECONDS_PER_PS * event.offset_ps
        name = plane.event_metadata[event.metadata_id].name
        yield event, name, start, start + SECONDS_PER_PS * event.duration_ps


def _stats(plane: xplane_pb2.XPlane, message: Any) -> dict[str, Any]:
    """Return `{name: value}` of the statistics of an event or a plane."""
    found = {}
    for stat in message.stats:
        kind = stat.WhichOneof('value')
        value = getattr(stat, kind) if kind else None
        found[plane.stat_metadata[stat.metadata_id].name] = (
            plane.stat_metadata[value].name if kind == 'ref_value' else value
        )
    return found


def _device_name(plane: xplane_pb2.XPlane) -> str:
    return str(_stats(plane, plane).get('gpu_device_name') or plane.name)


def _has_events(plane: xplane_pb2.XPlane) -> bool:
    return any(line.events for line in plane.lines)
