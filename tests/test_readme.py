"""The README's Python runs as it stands."""
import pathlib
import re
import subprocess
import sys

from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(encoding='utf-8'), re.DOTALL)


def run(code, folder):
    """Runs code in a folder, as somebody who has installed the library does; returns what it prints."""
    done = subprocess.run([sys.executable, '-c', code], cwd=folder, capture_output=True, text=True, timeout=300,
                          env={'PATH': '', 'PYTHONPATH': str(ROOT), 'TF_CPP_MIN_LOG_LEVEL': '3', 'HOME': str(folder)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_model_from_nothing(tmp_path):
    assert 'initialize(model, images, seed=0)' in BLOCKS[0]
    run(BLOCKS[0], tmp_path)


def test_a_trained_model(tiny_run, tmp_path):
    (tmp_path / 'runs').mkdir()
    (tmp_path / 'runs' / 'digits').symlink_to(tiny_run)
    # Six steps have no best checkpoint.
    printed = run(BLOCKS[1].replace("'best'", "'latest'"), tmp_path)
    accuracy = {line.split()[0]: float(line.split()[1]) for line in printed.splitlines() if line.startswith(('z ', 'pixels '))}
    assert accuracy['pixels'] > 0.9 and accuracy['z'] > 0.05
    assert Image.open(tmp_path / 'interpolation.png').size == (11 * 66 + 2, 5 * 66 + 2)
    assert len(BLOCKS) == 2, 'a block of Python that no test runs'
