"""The README's Python runs as it stands."""

import pathlib
import re
import subprocess
import sys

from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCKS = re.findall(
    r'```python\n(.*?)```', (ROOT / 'README.md').read_text(encoding='utf-8'), re.DOTALL
)


def run(code, folder):
    """Runs code in a folder, as somebody who has installed the library does; returns what it
    prints.
    """
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env={'PATH': '', 'PYTHONPATH': str(ROOT), 'TF_CPP_MIN_LOG_LEVEL': '3', 'HOME': str(folder)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_block_trains_and_loads(tmp_path):
    assert "tfwolf.fit('digits'" in BLOCKS[0]
    printed = run(BLOCKS[0].replace('max_steps=300', 'max_steps=2'), tmp_path)
    assert float(printed.split()[-1]) > 1 and (tmp_path / 'runs' / 'digits' / 'config.gin').exists()


def test_a_model_and_images_of_ones_own(tmp_path):
    run(BLOCKS[1], tmp_path)
    assert (tmp_path / 'runs' / 'mine' / 'samples.png').exists()


def test_what_z_and_v_hold(tiny_run, tmp_path):
    (tmp_path / 'runs').mkdir()
    (tmp_path / 'runs' / 'digits').symlink_to(tiny_run)
    # Six steps have no best checkpoint.
    printed = run(BLOCKS[2].replace("'best'", "'latest'"), tmp_path)
    accuracy = {
        line.split()[0]: float(line.split()[1])
        for line in printed.splitlines()
        if line.startswith(('z ', 'pixels '))
    }
    assert accuracy['pixels'] > 0.9 and accuracy['z'] > 0.05
    assert Image.open(tmp_path / 'interpolation.png').size == (11 * 66 + 2, 5 * 66 + 2)
    assert len(BLOCKS) == 3, 'a block of Python that no test runs'
