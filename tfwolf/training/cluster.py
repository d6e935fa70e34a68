"""The processes of a run on several machines, as the environment variable TF_CONFIG names them, and
waiting for all of them.
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import time

# The variable that TensorFlow, Kubernetes' TFJob and our Slurm example set.
VARIABLE = 'TF_CONFIG'
JOBS = ('chief', 'worker')
EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
)
SECONDS_BETWEEN_CALLS = 0.2


class WorkerLost(RuntimeError):
    """Another worker is gone or never came: this one cannot go on alone."""

    exit_code = 3


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Who trains together.

    Attributes:
        addresses: 'host:port' of every worker, the chief first.
        index: which of them this process is.
    """

    addresses: tuple[str, ...]
    index: int


def read_cluster() -> Cluster | None:
    """Returns the `Cluster` of TF_CONFIG, or None where it is not set or names no cluster.

    Raises:
        ValueError: if it cannot be used.
    """
    text = os.environ.get(VARIABLE, '').strip()
    if not text:
        return None
    try:
        config = json.loads(text)
        jobs = config.get('cluster') or {}
        if not jobs:
            return None
        unknown = sorted(set(jobs) - set(JOBS))
        if unknown:
            raise ValueError(
                f'its cluster has jobs {", ".join(unknown)}, but only {" and ".join(JOBS)} take '
                'part in training'
            )
        addresses = [
            (job, place, address) for job in JOBS for place, address in enumerate(jobs.get(job, ()))
        ]
        for job, place, address in addresses:
            host, _, port = address.rpartition(':')
            if not host or not port.isdigit():
                raise ValueError(
                    f'the address of {job} {place} must be "host:port"; got {address!r}'
                )
        task = config.get('task') or {}
        here = task.get('type'), int(task.get('index', -1))
        index = {(job, place): number for number, (job, place, _) in enumerate(addresses)}.get(here)
        if index is None:
            raise ValueError(
                f'its task must be one of the cluster; got type={here[0]!r}, index={here[1]}'
            )
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f'The environment variable {VARIABLE} cannot be used: {error}. It must look like '
            f'{EXAMPLE}; got '
            f'{text!r}.'
        ) from error
    return Cluster(tuple(address for _, _, address in addresses), index)


def wait_for_all(cluster: Cluster, timeout: float) -> None:
    """Returns once every worker has come, which TensorFlow itself would await for ever and deaf to
    signals.

    Each listens on its own address until it has reached all others; TensorFlow then takes the
    address over.

    Args:
        cluster: a `Cluster`.
        timeout: in seconds.

    Raises:
        WorkerLost: if one has not come in time.
        ValueError: if this worker's own port is taken.
    """
    deadline = time.monotonic() + timeout
    own = cluster.addresses[cluster.index]
    missing = {
        number: address
        for number, address in enumerate(cluster.addresses)
        if number != cluster.index
    }
    port = int(own.rpartition(':')[2])
    dual = socket.has_dualstack_ipv6()
    try:
        listener = socket.create_server(
            ('', port),
            family=socket.AF_INET6 if dual else socket.AF_INET,
            backlog=1024,
            dualstack_ipv6=dual,
        )
    except OSError as error:
        raise ValueError(
            f'This is worker {cluster.index} of {VARIABLE} at {own}, and its port cannot be used: '
            f'{error}. End the process '
            'that has it, or choose another port.'
        ) from error
    with listener:
        while True:
            missing = {
                number: address for number, address in missing.items() if not _answers(address)
            }
            if not missing:
                return
            if time.monotonic() > deadline:
                names = ', '.join(f'{number} ({address})' for number, address in missing.items())
                raise WorkerLost(
                    f'After {timeout:g} s worker {names} of {len(cluster.addresses)} has not '
                    'come. Start all workers with the '
                    'same command, check that their addresses can be reached from this machine, '
                    'or wait longer with '
                    '--startup_timeout.'
                )
            time.sleep(SECONDS_BETWEEN_CALLS)


def _answers(address):
    host, _, port = address.rpartition(':')
    try:
        socket.create_connection((host.strip('[]'), int(port)), timeout=1).close()
    except OSError:  # refused, out of time, or a name that is not known yet
        return False
    return True
