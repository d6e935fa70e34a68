"""Results do not depend on the number of replicas.

Tested for initialization, batch norm, noise, clipping, accumulation, averages and evaluation.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / 'support' / 'replica_run.py'


# Each replica is traced separately, which takes most of the time. Two replicas are tested in
# test_step.py, which is not slow.
@pytest.mark.slow
@pytest.mark.parametrize(
    'dtype, latent, replicas, rtol',
    [('float64', 'flow', [1, 2, 4], 1e-9), ('float32', 'normal', [1, 2, 4], 1e-5)],
)
def test_the_number_of_replicas_changes_nothing(dtype, latent, replicas, rtol):
    """Twenty steps with active clipping; each image is evaluated once, also of a partial batch."""
    command = [sys.executable, PROGRAM, dtype, latent, *map(str, replicas)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=3000, cwd=PROGRAM.parents[2]
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, *others = json.loads(done.stdout.splitlines()[-1]).values()
    assert max(one['norm']) > 5 and len(one['loss']) == 20
    for other in others:
        np.testing.assert_allclose(other['loss'], one['loss'], rtol=rtol)
        np.testing.assert_allclose(other['norm'], one['norm'], rtol=1e3 * rtol)
        assert other['bits_per_dim'] == pytest.approx(one['bits_per_dim'], abs=1e-6)
        assert other['num_images'] == one['num_images'] == 61
