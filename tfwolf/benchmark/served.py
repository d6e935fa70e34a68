"""Times of an exported model as a server runs it: loading, and calls of each signature."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from tfwolf.serving.c_api import Servable
from tfwolf.serving.versions import find_version
from tfwolf.serving.warmup import read_example

BATCH_SIZES = (1, 8, 64)
CALLS = 5


def time_export(export_dir: str) -> dict[str, Any]:
    """Return the times of an exported model in seconds, a dict for JSON.

    `load_seconds` is the time of loading. `signatures` has a dict for each signature, with the
    time of its first call and, by batch size, the median time of later calls.

    Args:
        export_dir: folder of one version, or of several, of which the newest is timed.

    Raises:
        ValueError: if there is no exported model.
    """
    folder = find_version(export_dir)
    started = time.perf_counter()
    servable = Servable(folder)
    load_seconds = time.perf_counter() - started
    signatures = {}
    for name, signature in sorted(servable.signatures.items()):
        example = {
            key: np.array(value, signature.inputs[key].dtype)
            for key, value in read_example(folder, name).items()
        }
        times = {'first_call_seconds': _seconds(servable, name, example)}
        for batch_size in BATCH_SIZES:
            inputs = {key: np.repeat(value, batch_size, axis=0) for key, value in example.items()}
            _seconds(servable, name, inputs)
            times[f'batch {batch_size}_seconds'] = statistics.median(
                _seconds(servable, name, inputs) for _ in range(CALLS)
            )
        signatures[name] = times
    return {'folder': folder, 'load_seconds': load_seconds, 'signatures': signatures}


def _seconds(servable: Servable, name: str, inputs: dict[str, np.ndarray]) -> float:
    started = time.perf_counter()
    servable(name, inputs)
    return time.perf_counter() - started
