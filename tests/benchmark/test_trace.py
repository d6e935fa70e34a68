"""Traces of training steps: kernels and operations found, grouped, counted and shown."""

import pytest
from tensorflow.compiler.xla.service import hlo_pb2
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from tfwolf.benchmark.compiled_names import Origin
from tfwolf.benchmark.trace import STEP, read_trace
from tfwolf.benchmark.trace_groups import group
from tfwolf.benchmark.trace_table import tabulate
from tfwolf.benchmark.trace_text import trace_as_text

US = 1_000_000  # in ps


class Plane:
    """Builds a plane of a trace from lists of (name, start, end, {statistic: text}), in us."""

    def __init__(self, space, name):
        self.proto = space.planes.add(name=name)

    def _number(self, table, name):
        for number, entry in table.items():
            if entry.name == name:
                return number
        number = len(table) + 1
        table[number].id, table[number].name = number, name
        return number

    def stat(self, message, name, **value):
        number = self._number(self.proto.stat_metadata, name)
        message.stats.add(metadata_id=number, **value)

    def line(self, name, *events):
        line = self.proto.lines.add(name=name, timestamp_ns=1000)
        for kernel, start, end, stats in events:
            event = line.events.add(
                metadata_id=self._number(self.proto.event_metadata, kernel),
                offset_ps=start * US,
                duration_ps=(end - start) * US,
            )
            for stat, text in stats.items():
                self.stat(event, stat, str_value=text)
        return self


def program():
    """Return a program of XLA with a product and a fusion, most of which is an activation."""
    proto = hlo_pb2.HloProto()
    module = proto.hlo_module
    module.name = 'layer.1'
    fused = module.computations.add(id=1)
    for opcode, name, kind, size in (
        ('parameter', 'actnorm/parameter', '', 10**6),
        ('multiply', 'coupling/coupling_net/elu/mul', 'Mul', 1000),
        ('reduce', 'gradient_tape/coupling/coupling_net/add/Sum', 'Sum', 10),
    ):
        part = fused.instructions.add(name=name, opcode=opcode)
        part.shape.dimensions.append(size)
        part.metadata.op_name, part.metadata.op_type = name, kind
    entry = module.computations.add(id=2)
    product = entry.instructions.add(name='custom-call.1', opcode='custom-call')
    product.metadata.op_name = 'gradient_tape/coupling/coupling_net/MatMul_3/MatMul'
    product.metadata.op_type = 'MatMul'
    fusion = entry.instructions.add(name='fusion.1', opcode='fusion', called_computation_ids=[1])
    fusion.metadata.op_name, fusion.metadata.op_type = 'gradient_tape/add/Sum', 'Sum'
    return proto


def gpu_trace():
    """Return a trace of two steps of 100 us each, with the same work in both."""
    space = xplane_pb2.XSpace()
    metadata = Plane(space, '/host:metadata')
    entry = metadata.proto.event_metadata[7]
    entry.id, entry.name = 7, 'layer.1(7)'
    metadata.stat(entry, 'Hlo Proto', bytes_value=program().SerializeToString())
    Plane(space, '/host:CPU').line('python', (STEP, 0, 100, {}), (STEP, 100, 200, {}))
    compiled = {'tf_op': 'PartitionedCall_2:PartitionedCall', 'hlo_module': 'layer.1'}
    size = {'memcpy_details': 'kind_src:host kind_dst:device size:400 dest:0 async:1'}
    work, copies = [], []
    for start in (0, 100):
        work += [
            ('gemm', start + 12, start + 40, {**compiled, 'hlo_op': 'custom-call.1'}),
            ('fusion_1', start + 45, start + 65, {**compiled, 'hlo_op': 'fusion.1'}),
            ('adam', start + 65, start + 70, {'tf_op': 'ResourceApplyAdam_4:ResourceApplyAdam'}),
            ('Memset 3', start + 70, start + 71, {}),
        ]
        copies.append(('MemcpyH2D', start + 60, start + 75, {**size, 'tf_op': 'concat:ConcatV2'}))
    device = Plane(space, '/device:GPU:0')
    device.line('Stream #1(Compute)', *work).line('Stream #2(MemcpyH2D)', *copies)
    device.line('TensorFlow Ops', *work)
    device.stat(device.proto, 'gpu_device_name', str_value='NVIDIA H100')
    Plane(space, '/device:GPU:1')
    return space


def microseconds(value):
    return round(1e6 * value)


def test_time_of_a_gpu_by_part_and_kernel():
    table = tabulate(read_trace(gpu_trace()))
    assert (table['device'], table['devices'], table['steps']) == ('NVIDIA H100', 1, 2)
    assert microseconds(table['step_seconds']) == 100
    # From 12 to 40 and from 45 to 75: work of two streams at the same time counts once.
    assert microseconds(table['busy_seconds']) == 58
    idle = {name: microseconds(seconds) for name, seconds in table['idle_seconds'].items()}
    assert idle == {'short_gaps': 5, 'long_gaps': 37}
    assert table['launches'] == 3
    assert list(table['copies']) == ['host to device']
    copies = table['copies']['host to device']
    assert (copies['count'], copies['bytes']) == (1, 400)
    groups = {row['group']: (microseconds(row['seconds']), row['count']) for row in table['groups']}
    assert groups == {
        'coupling networks: products': (28, 1),
        'coupling networks: activations': (20, 1),
        'flow and others: moves': (15, 1),
        'optimizer': (5, 1),
        'flow and others: other': (1, 1),
    }
    assert [row['kernel'] for row in table['kernels']] == [
        *('gemm', 'fusion_1', 'MemcpyH2D', 'adam', 'Memset 3')
    ]
    assert sum(row['share'] for row in table['groups']) == pytest.approx(1)


def test_without_a_device_operations_of_the_cpu_count():
    space = xplane_pb2.XSpace()
    Plane(space, '/host:CPU').line(
        'tf_Compute/1',
        ('ExecutorState::Process', 0, 90, {}),
        ('PartitionedCall_3:PartitionedCall', 0, 50, {}),
        ('encoder_1/level0_1/conv1/Conv2D:_MklNativeFusedConv2D', 10, 40, {}),
        ('while/body/_1/while/Elu_5:Elu', 60, 80, {}),
    ).line('tf_data_private_threadpool/2', ('GatherV2_1:GatherV2', 70, 90, {}))
    table = tabulate(read_trace(space))
    assert table['device'] is None and table['copies'] == {}
    assert microseconds(table['step_seconds']) == 90
    assert microseconds(table['busy_seconds']) == 80
    times = {
        (row['kernel'], row['group']): microseconds(row['seconds']) for row in table['kernels']
    }
    # The call's time is without that of the operation within it.
    assert times == {
        ('FusedConv2D', 'encoder: products'): 30,
        ('PartitionedCall', 'flow and others: other'): 20,
        ('Elu', 'flow and others: activations'): 20,
        ('GatherV2', 'input'): 20,
    }


def test_a_trace_without_work_is_an_error():
    space = xplane_pb2.XSpace()
    Plane(space, '/host:CPU').line('python', (STEP, 0, 10, {}), ('Iterator::Root', 0, 5, {}))
    with pytest.raises(ValueError, match='neither kernels of a device nor operations'):
        read_trace(space)


@pytest.mark.parametrize(
    'path, operation, title',
    [
        ('gradient_tape/encoder_1/conv/Conv2DBackpropFilter', 'Conv2DBackpropFilter', 'encoder: p'),
        ('encoder/level0_block1_1/norm1/FusedBatchNormV3', 'FusedBatchNormV3', 'encoder: normal'),
        ('flow_prior/coupling/coupling_net/MatMul', 'MatMul', 'prior: products'),
        ('coupling/coupling_net/windows/Slice_3', 'Slice', 'coupling networks: windows'),
        ('gradient_tape/coupling/Exp', 'Exp', 'couplings'),
        ('gradient_tape/MatMul/MatMul_1', 'MatMul', 'flow and others: products'),
        ('LogMatrixDeterminant_2', 'LogMatrixDeterminant', 'log-determinants'),
        ('', '', 'flow and others: other'),
    ],
)
def test_groups(path, operation, title):
    assert group(Origin(path, operation)).startswith(title)


def test_the_table_as_text():
    table = {'file': 'traces/vm.xplane.pb', **tabulate(read_trace(gpu_trace()))}
    text = trace_as_text(table)
    assert 'Device NVIDIA H100\n' in text and '58 %' in text
    assert '\n  coupling networks: products' in text
    many = [
        {'kernel': f'k{n}', 'group': 'optimizer', 'seconds': 1e-3, 'share': 0.01, 'count': 1}
        for n in range(40)
    ]
    text = trace_as_text({**table, 'device': None, 'kernels': many})
    assert 'no GPU or TPU' in text and '15 more' in text and 'k30' not in text
