"""The operation of TensorFlow that a kernel in a trace belongs to, also for code of XLA."""

# The classes of protobufs are made when their modules are imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import collections
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tensorflow.compiler.xla.service import hlo_pb2
from tensorflow.tsl.profiler.protobuf import xplane_pb2

METADATA, HLO = '/host:metadata', 'Hlo Proto'
# Operations that call others.
CALLS = ('PartitionedCall', 'StatefulPartitionedCall', 'XlaLaunch', 'XlaRun')
# They cost nothing within a fusion.
FREE = ('parameter', 'constant', 'broadcast', 'bitcast', 'get-tuple-element', 'tuple', 'iota')


class Origin(NamedTuple):
    """An operation of TensorFlow.

    Attributes:
        path: its name with its scopes, such as 'encoder/level0_block0/conv1/Conv2D'.
        operation: its type, such as 'Conv2D'; '' if it is unknown.
    """

    path: str
    operation: str


Compiled = Mapping[tuple[str, str], Origin]


def origin_of(stats: Mapping[str, Any], compiled: Compiled) -> Origin:
    """Return the `Origin` of an event.

    Args:
        stats: `{name: value}` of the statistics of the event.
        compiled: result of `compiled_origins`.
    """
    path, _, operation = str(stats.get('tf_op') or '').rpartition(':')
    if 'hlo_op' not in stats:
        return Origin(path, operation.removeprefix('_MklNative').removeprefix('_Mkl'))
    caller = '/'.join(part for part in path.split('/') if _base(part) not in CALLS)
    inner = compiled.get((str(stats.get('hlo_module')), str(stats['hlo_op'])))
    if inner is None:
        name = str(stats.get('name') or '')
        inner = Origin(name, _base(name.rpartition('/')[2]))
    return Origin('/'.join(filter(None, (caller, inner.path))), inner.operation)


def compiled_origins(space: xplane_pb2.XSpace) -> Compiled:
    """Return the origin of each instruction of the programs of XLA that a trace contains.

    Returns:
        `{(name of the program, name of the instruction): Origin}`.
    """
    found = {}
    for program in _programs(space):
        computations = {computation.id: computation for computation in program.computations}
        for computation in program.computations:
            for instruction in computation.instructions:
                inner = (
                    part
                    for number in instruction.called_computation_ids
                    for part in computations[number].instructions
                    if instruction.opcode == 'fusion'
                )
                found[program.name, instruction.name] = _origin(instruction, inner)
    return found


def _programs(space: xplane_pb2.XSpace) -> Iterator[hlo_pb2.HloModuleProto]:
    for plane in space.planes:
        if plane.name != METADATA:
            continue
        for event in plane.event_metadata.values():
            for stat in event.stats:
                if plane.stat_metadata[stat.metadata_id].name == HLO:
                    yield hlo_pb2.HloProto.FromString(stat.bytes_value).hlo_module


def _origin(
    instruction: hlo_pb2.HloInstructionProto, inner: Iterable[hlo_pb2.HloInstructionProto]
) -> Origin:
    """Return where an instruction comes from: of a fusion, the scope with most of the numbers."""
    sizes: dict[str, dict[Origin, int]] = collections.defaultdict(collections.Counter)
    for part in inner:
        name = part.metadata.op_name
        if name and part.opcode not in FREE:
            origin = Origin(name, part.metadata.op_type)
            sizes[name.rpartition('/')[0]][origin] += math.prod(part.shape.dimensions)
    if not sizes:
        return Origin(instruction.metadata.op_name, instruction.metadata.op_type)
    largest = max(sizes.values(), key=lambda of_scope: sum(of_scope.values()))
    return max(largest, key=largest.__getitem__)


def _base(name: str) -> str:
    """Return a name without the number that TensorFlow appends to make it unique."""
    return re.sub(r'(_\d+)+$', '', name)
