"""Proof that an export is the checkpoint: every signature called through TensorFlow's C API in a
fresh process, and compared.
"""

from __future__ import annotations

import io
import pathlib
import pickle
import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tfwolf.models.wolf import Wolf
from tfwolf.serving.examples import example_inputs
from tfwolf.serving.signatures import Signatures

BATCH_SIZES = (1, 3)
# -I: neither the working directory nor PYTHONPATH, so that nothing of the project is found by
# accident, only the folder of this file.
CHILD = [
    sys.executable,
    '-I',
    '-c',
    'import sys; sys.path.insert(0, sys.argv.pop(1)); from serving.c_api import main; main()',
    str(pathlib.Path(__file__).resolve().parents[1]),
]
FLOAT_TOLERANCE = 1e-5
# A colour value may land on the other side of a rounding, one level away.
LEVELS, SHARE_OF_PIXELS = 1, 1e-3
# Name of a signature, its inputs and its outputs.
Expected = tuple[str, dict[str, Any], dict[str, np.ndarray]]


class Difference(NamedTuple):
    """How far an output of a signature is from the checkpoint's.

    Attributes:
        signature, output: names.
        batch_size: of the call.
        value: for floats max|a - b| / max(1, max|b|); for images the share of colour values that
            differ.
        levels: for images the largest difference of a colour value; 0 for floats.
        bound: what `value` must not exceed.
    """

    signature: str
    output: str
    batch_size: int
    value: float
    levels: int
    bound: float

    @property
    def is_good(self) -> bool:
        """Whether it is within the bounds."""
        return self.value <= self.bound and self.levels <= LEVELS

    def __str__(self) -> str:
        return (
            f'{self.signature}.{self.output}, batch {self.batch_size}: {self.value:.2g} (bound '
            f'{self.bound:.0e})'
            + (f', by {self.levels} levels (bound {LEVELS})' if self.levels else '')
        )


def expected_results(model: Wolf, signatures: Signatures, seed: int = 0) -> list[Expected]:
    """Returns `[(signature, inputs, outputs), ...]` computed by the checkpoint itself, for one
    image and for three.

    Args:
        model: the restored `Wolf`, its weights as they were trained.
        signatures: its `Signatures`.
        seed: integer, of the inputs.
    """
    expected = []
    for batch_size in BATCH_SIZES:
        for name, inputs in example_inputs(model, signatures, batch_size, seed).items():
            expected.append((name, inputs, signatures.all[name](inputs)))
    return expected


def differences(folder: str, expected: list[Expected]) -> list[Difference]:
    """Calls every signature of an exported model in a fresh process, without this project or
    TensorFlow's Python.

    Args:
        folder: of the SavedModel.
        expected: what `expected_results` returns.

    Returns:
        list of `Difference`, one for every output of every call.

    Raises:
        RuntimeError: if the model cannot be loaded or called there.
    """
    requests = pickle.dumps([(name, inputs) for name, inputs, _ in expected])
    child = subprocess.run([*CHILD, str(folder)], input=requests, capture_output=True, check=False)
    if child.returncode:
        lines = child.stderr.decode(errors='replace').strip().splitlines() or [
            f'exit code {child.returncode}'
        ]
        raise RuntimeError(f'The exported model cannot be used by a server: {lines[-1]}')
    found = []
    for (name, _, outputs), results in zip(expected, pickle.loads(child.stdout), strict=True):
        found += [difference(name, key, outputs[key], results[key]) for key in outputs]
    return found


def check(folder: str, expected: list[Expected]) -> list[Difference]:
    """Returns the `differences` of an exported model, if all are within the bounds.

    Raises:
        RuntimeError: if one is not, or the model cannot be used.
    """
    found = differences(folder, expected)
    if bad := [str(difference) for difference in found if not difference.is_good]:
        raise RuntimeError(
            'The exported model differs from the checkpoint; nothing was published.\n'
            + '\n'.join(bad)
        )
    return found


def difference(signature: str, output: str, expected: np.ndarray, found: np.ndarray) -> Difference:
    """Returns the `Difference` of an output, the array `found`, from the expected one; bytes are
    compared as the pictures in them.
    """
    batch_size = len(expected)
    if expected.dtype == np.object_:
        expected, found = (
            np.stack([np.asarray(Image.open(io.BytesIO(content))) for content in array])
            for array in (expected, found)
        )
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return Difference(signature, output, batch_size, np.inf, 0, 0.0)
    gap = np.abs(expected.astype(np.float64) - found)
    if expected.dtype == np.uint8:
        return Difference(
            signature, output, batch_size, float(np.mean(gap > 0)), int(gap.max()), SHARE_OF_PIXELS
        )
    value = float(np.max(gap) / max(1.0, np.max(np.abs(expected))))
    return Difference(
        signature, output, batch_size, value if np.isfinite(value) else np.inf, 0, FLOAT_TOLERANCE
    )
