"""Whether a data set of TensorFlow Datasets (TFDS) can be downloaded now.

TFDS itself retries for minutes without a network.
"""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.parse
from collections.abc import Iterable, Iterator

# TFDS looks for prepared data there, too.
CLOUD = 'https://storage.googleapis.com/'
# Seconds for all hosts together.
DEADLINE = 8.0


def silent_hosts(addresses: Iterable[str], deadline: float = DEADLINE) -> list[str]:
    """Return the hosts of some addresses if none of them answers, else an empty list.

    Proxies of the environment are used. Any answer counts, an error of HTTP too.

    Args:
        addresses: URLs; those of other protocols than HTTP are left out.
        deadline: seconds to wait for the first answer.
    """
    hosts = {
        parts.netloc: f'{parts.scheme}://{parts.netloc}/'
        for parts in map(urllib.parse.urlsplit, addresses)
        if parts.scheme in ('http', 'https')
    }
    if not hosts:
        return []
    answered = threading.Event()
    asking = [
        # Not waited for at exit: the name of a host may take longer than any timeout to look up.
        threading.Thread(target=_ask, args=(address, deadline, answered), daemon=True)
        for address in (CLOUD, *hosts.values())
    ]
    for thread in asking:
        thread.start()
    ends = time.monotonic() + deadline
    while any(thread.is_alive() for thread in asking) and time.monotonic() < ends:
        if answered.wait(0.05):
            break
    return [] if answered.is_set() else sorted(hosts)


@contextlib.contextmanager
def no_retries() -> Iterator[None]:
    """Let TFDS try each download once within a `with` block."""
    from tensorflow_datasets.core.download import downloader

    retries = downloader.MAX_RETRIES
    downloader.MAX_RETRIES = 0
    try:
        yield
    finally:
        downloader.MAX_RETRIES = retries


def _ask(address: str, seconds: float, answered: threading.Event) -> None:
    import requests  # TFDS depends on it.

    with contextlib.suppress(requests.RequestException):
        requests.head(address, timeout=seconds)
        answered.set()
