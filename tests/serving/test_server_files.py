"""The files next to an export: valid for a server, with the right names of files and model."""

import pathlib
import re
import subprocess

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

from tfwolf.serving.client import MAX_BATCH
from tfwolf.serving.server_files import write_server_files


def test_models_config(server):
    config = text_format.Parse(
        (server.folder / 'models.config').read_text(), model_server_config_pb2.ModelServerConfig()
    )
    assert [
        (model.name, model.base_path, model.model_platform)
        for model in config.model_config_list.config
    ] == [('wolf', '/models/wolf', 'tensorflow')]


def test_batching_and_monitoring_config(server):
    """Their messages are not part of tensorflow-serving-api.

    The fields here are those of its session_bundle_config and monitoring_config.
    """
    wrapped = (
        'max_batch_size',
        'batch_timeout_micros',
        'max_enqueued_batches',
        'num_batch_threads',
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name='config.proto',
        package='config',
        syntax='proto3',
        dependency=['google/protobuf/wrappers.proto'],
    )
    batching, prometheus, monitoring = (
        file.message_type.add(name=name) for name in ('Batching', 'Prometheus', 'Monitoring')
    )
    for number, name in enumerate(wrapped, start=1):
        batching.field.add(
            name=name,
            number=number,
            type=kinds.TYPE_MESSAGE,
            type_name='.google.protobuf.Int64Value',
        )
    prometheus.field.add(name='enable', number=1, type=kinds.TYPE_BOOL)
    prometheus.field.add(name='path', number=2, type=kinds.TYPE_STRING)
    monitoring.field.add(
        name='prometheus_config', number=1, type=kinds.TYPE_MESSAGE, type_name='.config.Prometheus'
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)

    def parse(path, message):
        message_type = message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f'config.{message}')
        )
        return text_format.Parse((server.folder / path).read_text(), message_type())

    config = parse('batching.config', 'Batching')
    assert config.max_batch_size.value == MAX_BATCH and all(
        getattr(config, name).value > 0 for name in wrapped
    )
    prometheus = parse('monitoring.config', 'Monitoring').prometheus_config
    assert prometheus.enable and prometheus.path == '/monitoring/prometheus/metrics'


def test_compose_file_without_a_parser(server):
    text = (server.folder / 'compose.yaml').read_text()
    assert (
        '\t' not in text
        and 'read_only: true' in text
        and 'image: tensorflow/serving:2.20.0\n' in text
    )
    assert re.findall(r'"([\d.]+):(\d+):(\d+)"', text) == [
        ('127.0.0.1', port, port) for port in ('8501', '8500')
    ]
    named = re.findall(r'--\w+=/models/wolf/(\S+)', text)
    assert len(named) == 3 and all((server.folder / name).is_file() for name in named)


def test_compose_file(server):
    yaml = pytest.importorskip('yaml')
    service = yaml.safe_load((server.folder / 'compose.yaml').read_text())['services']['serving']
    assert service['image'] == 'tensorflow/serving:2.20.0'
    assert service['ports'] == ['127.0.0.1:8501:8501', '127.0.0.1:8500:8500']
    (mount,) = service['volumes']
    assert mount['read_only'] and mount['source'] == '.'
    for flag, _, path in (argument.partition('=') for argument in service['command']):
        assert (
            flag == '--enable_batching'
            or (server.folder / pathlib.PurePosixPath(path).relative_to(mount['target'])).is_file()
        )


def test_healthcheck_of_the_compose_file(server):
    text = (server.folder / 'compose.yaml').read_text()
    check = ' '.join(re.search(r'- >-\n((?: {10}.*\n)+)', text)[1].split('\n')).replace(
        '          ', ''
    )
    host, port = server.url.removeprefix('http://').split(':')
    for place, code in ((f'{host}/{port}', 0), (f'{host}/9', 1)):
        done = subprocess.run(
            ['bash', '-c', check.replace('127.0.0.1/8501', place)], capture_output=True, timeout=20
        )
        assert (done.returncode != 0) == code, done.stderr
    assert (
        subprocess.run(
            [
                'bash',
                '-c',
                check.replace('127.0.0.1/8501', f'{host}/{port}').replace('/wolf', '/bear'),
            ],
            capture_output=True,
            timeout=20,
        ).returncode
        != 0
    )


def test_older_files_are_replaced(tmp_path):
    (tmp_path / 'models.config').write_text('old')
    write_server_files(str(tmp_path), 'bear-2')
    assert "'/models/bear-2'" in (tmp_path / 'models.config').read_text()
    assert '/v1/models/bear-2 ' in (tmp_path / 'compose.yaml').read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'batching.config',
        'client.py',
        'client_command.py',
        'client_grpc.py',
        'client_rest.py',
        'compose.yaml',
        'models.config',
        'monitoring.config',
    ]
    with pytest.raises(ValueError, match='model_name must consist of letters'):
        write_server_files(str(tmp_path), 'a/b')
