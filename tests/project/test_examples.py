"""The notebooks of `examples/` run, and are stored with their outputs."""

import json
import os
import subprocess
import sys

import pytest

from support.notebooks import EXAMPLES, ROOT, has_kernel, run_in_kernel

NOTEBOOKS = sorted(EXAMPLES.glob('*.ipynb'))
NAMES = ['compose_a_flow', 'train_on_your_images', 'what_z_and_v_hold']
IN_ONE_NAMESPACE = """
import pathlib, sys
from support.notebooks import run_in_one_namespace
run_in_one_namespace(pathlib.Path(sys.argv[1]))
"""


def outputs(cells):
    """Returns the outputs of all code cells of a notebook."""
    return [part for cell in cells if cell['cell_type'] == 'code' for part in cell['outputs']]


def check_quiet(found):
    """Checks that there is no error, and no message of TensorFlow."""
    assert found
    for output in found:
        assert output['output_type'] != 'error', output
        text = ''.join(output.get('text', ()))
        for noise in ('WARNING', 'tensorflow', 'I0000', 'W0000', 'E0000'):
            assert noise not in text, text


def test_three_notebooks_are_stored_with_their_outputs():
    assert [path.stem for path in NOTEBOOKS] == NAMES
    assert sum(path.stat().st_size for path in EXAMPLES.iterdir()) < 1.5e6
    for path in NOTEBOOKS:
        text = path.read_text(encoding='utf-8')
        cells = json.loads(text)['cells']
        assert cells[0]['cell_type'] == 'markdown' and ''.join(cells[0]['source']).startswith('# ')
        code = [cell for cell in cells if cell['cell_type'] == 'code']
        assert [cell['execution_count'] for cell in code] == list(range(1, len(code) + 1))
        check_quiet(outputs(cells))
        # On a slow machine a progress bar appears.
        assert not [part for part in outputs(cells) if part.get('name') == 'stderr']
        assert 'image/png' in text and 'image/jpeg' not in text
        assert str(ROOT) not in text and '/tmp/' not in text


@pytest.mark.slow
@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    # As for a user, who has not set it.
    monkeypatch.delenv('TF_CPP_MIN_LOG_LEVEL', raising=False)
    if has_kernel():
        check_quiet(outputs(run_in_kernel(path, tmp_path).cells))
        return
    done = subprocess.run(
        [sys.executable, '-c', IN_ONE_NAMESPACE, str(path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, (ROOT, ROOT / 'tests')))},
    )
    assert done.returncode == 0, done.stderr
