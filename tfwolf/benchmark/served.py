"""An exported model, timed as a server runs it: loading, the first call of a signature, and calls
after it.
"""

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
    """Returns the seconds that loading takes, and of every signature the first call's and, by batch
    size, the median of later ones.

    Args:
        export_dir: folder of the versions, of which the newest is timed, or of one version.

    Raises:
        ValueError: if there is no exported model.
    """
    folder = find_version(export_dir)
    started = time.perf_counter()
    servable = Servable(folder)
    result = {'folder': folder, 'load_seconds': time.perf_counter() - started, 'signatures': {}}
    for name, signature in sorted(servable.signatures.items()):
        example = {
            key: np.array(value, signature.inputs[key].dtype)
            for key, value in read_example(folder, name).items()
        }
        first = _seconds(servable, name, example)
        latency = {}
        for batch_size in BATCH_SIZES:
            inputs = {key: np.repeat(value, batch_size, axis=0) for key, value in example.items()}
            _seconds(servable, name, inputs)
            latency[f'batch {batch_size}'] = statistics.median(
                _seconds(servable, name, inputs) for _ in range(CALLS)
            )
        result['signatures'][name] = {
            'first_call_seconds': first,
            **{f'{size}_seconds': seconds for size, seconds in latency.items()},
        }
    return result


def _seconds(servable, name, inputs):
    started = time.perf_counter()
    servable(name, inputs)
    return time.perf_counter() - started
