"""The processes of a multi-worker run: read them from TF_CONFIG, and wait for all of them."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import time

# Environment variable that names the cluster; Kubernetes' TFJob and the Slurm example set it.
VARIABLE = 'TF_CONFIG'
JOBS = ('chief', 'worker')
EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
)
SECONDS_BETWEEN_ATTEMPTS = 0.2


class WorkerLost(RuntimeError):
    """Another worker is lost or did not start, so this one cannot continue."""

    exit_code = 3


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers that train together.

    Attributes:
        addresses: 'host:port' of every worker, the chief first.
        index: position of this process among them.
    """

    addresses: tuple[str, ...]
    index: int


def read_cluster() -> Cluster | None:
    """Return the `Cluster` of TF_CONFIG, or None if it is not set or defines no cluster.

    Raises:
        ValueError: if TF_CONFIG is invalid.
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
                f'its cluster has jobs {", ".join(unknown)}, but only {" and ".join(JOBS)} '
                'are supported'
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
        own = task.get('type'), int(task.get('index', -1))
        tasks: list[tuple[str | None, int]] = [(job, place) for job, place, _ in addresses]
        if own not in tasks:
            raise ValueError(
                f'its task must be one of the cluster; got type={own[0]!r}, index={own[1]}'
            )
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f'The environment variable {VARIABLE} cannot be used: {error}. It must look like '
            f'{EXAMPLE}; got {text!r}.'
        ) from error
    return Cluster(tuple(address for _, _, address in addresses), tasks.index(own))


def wait_for_all(cluster: Cluster, timeout: float) -> None:
    """Wait until every worker can be reached.

    TensorFlow itself would wait without a limit, and ignore signals meanwhile. Each worker listens
    on its own address until it has reached all others; then TensorFlow takes over the address.

    Args:
        cluster: a `Cluster`.
        timeout: seconds to wait for all workers.

    Raises:
        WorkerLost: if a worker cannot be reached in time.
        ValueError: if the port of this worker is in use.
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
            f'{error}. End the process that uses it, or choose another port.'
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
                    f'Timed out after {timeout:g} s waiting for worker {names} of '
                    f'{len(cluster.addresses)}. Start all workers with the same command, check '
                    'that this machine can reach their addresses, or increase --startup_timeout.'
                )
            time.sleep(SECONDS_BETWEEN_ATTEMPTS)


def _answers(address):
    host, _, port = address.rpartition(':')
    try:
        socket.create_connection((host.strip('[]'), int(port)), timeout=1).close()
    except OSError:  # connection refused, timed out, or unknown host name
        return False
    return True
