"""TF_CONFIG is read or rejected with a reason, and strategies follow flags and environment."""

import json
import socket
import time

import pytest

from tfwolf.training.cluster import Cluster, WorkerLost, read_cluster, wait_for_all
from tfwolf.training.strategy import make_strategy
from tfwolf.training.workers import Workers


def set_config(monkeypatch, value):
    monkeypatch.setenv('TF_CONFIG', value if isinstance(value, str) else json.dumps(value))


def free_ports(count):
    """Return ports that nobody listens on."""
    sockets = [socket.create_server(('localhost', 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def test_the_chief_comes_first(monkeypatch):
    jobs = {'worker': ['b:1', 'c:1'], 'chief': ['a:1']}
    set_config(
        monkeypatch,
        {'cluster': jobs, 'task': {'type': 'worker', 'index': 1}, 'environment': 'cloud'},
    )
    assert read_cluster() == Cluster(('a:1', 'b:1', 'c:1'), 2)
    set_config(monkeypatch, {'cluster': jobs, 'task': {'type': 'chief', 'index': '0'}})
    assert read_cluster().index == 0


@pytest.mark.parametrize('value', ['', ' ', '{}', '{"cluster": {}}'])
def test_no_cluster(monkeypatch, value):
    set_config(monkeypatch, value)
    assert read_cluster() is None
    assert make_strategy('auto').num_replicas_in_sync == 1
    with pytest.raises(ValueError, match='needs the environment variable TF_CONFIG'):
        make_strategy('multi_worker')


@pytest.mark.parametrize(
    'value, message',
    [
        ('{"cluster": ', 'Expecting value'),
        ('[]', 'no attribute'),
        (
            {'cluster': {'worker': ['a:1'], 'ps': ['b:1']}, 'task': {'type': 'worker', 'index': 0}},
            'jobs ps, but only chief and worker are supported',
        ),
        (
            {'cluster': {'worker': ['a:1', 'b']}, 'task': {'type': 'worker', 'index': 0}},
            'worker 1 must be "host:port"; got \'b\'',
        ),
        (
            {'cluster': {'worker': ['a:1', 'b:1']}, 'task': {'type': 'worker', 'index': 2}},
            "type='worker', index=2",
        ),
        ({'cluster': {'worker': ['a:1', 'b:1']}}, 'type=None'),
        (
            {'cluster': {'worker': ['a:1', 'b:1']}, 'task': {'type': 'evaluator', 'index': 0}},
            "type='evaluator'",
        ),
    ],
)
def test_an_invalid_cluster_is_reported(monkeypatch, value, message):
    set_config(monkeypatch, value)
    for name in ('auto', 'multi_worker'):
        with pytest.raises(ValueError, match='TF_CONFIG cannot be used: ') as error:
            make_strategy(name)
        assert message in str(error.value) and 'It must look like' in str(error.value)


def test_waiting_for_a_missing_worker_times_out(monkeypatch):
    own, others, absent = free_ports(3)
    set_config(
        monkeypatch,
        {
            'cluster': {'worker': [f'localhost:{port}' for port in (own, others, absent)]},
            'task': {'type': 'worker', 'index': 0},
        },
    )
    started = time.monotonic()
    with (
        socket.create_server(('localhost', others)),
        pytest.raises(WorkerLost, match=rf'worker 2 \(localhost:{absent}\) of 3') as lost,
    ):
        make_strategy('auto', startup_timeout=0.5)
    assert lost.value.exit_code == 3 and time.monotonic() - started < 10


def test_a_port_in_use_is_reported():
    with socket.create_server(('', 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match='its port cannot be used'):
            wait_for_all(Cluster((f'localhost:{port}', 'localhost:1'), 0), 1)


def test_a_missing_tpu_is_reported():
    with pytest.raises(ValueError, match='No TPU is available with --tpu=None'):
        make_strategy('tpu')


def test_a_single_process_is_the_chief(monkeypatch):
    set_config(
        monkeypatch, {'cluster': {'worker': ['a:1', 'b:1']}, 'task': {'type': 'worker', 'index': 1}}
    )
    workers = Workers(make_strategy('one_device'))
    assert (
        workers.is_chief
        and workers.count == 1
        and workers.from_chief(True) == 1
        and workers.agree_on_signal(15) == 15
    )
    workers.check_alike('anything')
    with workers.together():
        pass
