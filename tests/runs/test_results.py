"""The folder of a tool's results."""

import json
import pathlib

import numpy as np
import pytest

from tfwolf.runs.results import ResultFolder


def test_results_are_files_without_tensorboard_events(tmp_path, capsys):
    """Events of earlier versions are removed, so TensorBoard shows only the curves of runs."""
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'made_from.json').write_text('{"seed": 1}')
    (tmp_path / 'out' / 'tensorboard').mkdir()
    folder = ResultFolder(tmp_path / 'out', {'seed': 1}, step=6)
    folder.picture('samples', np.zeros([4, 4, 3], np.uint8))
    folder.finish({'num_samples': 3})
    names = sorted(path.name for path in pathlib.Path(folder.folder).iterdir())
    assert names == ['made_from.json', 'result.json', 'samples.png']
    assert json.loads((tmp_path / 'out' / 'result.json').read_text()) == {
        'num_samples': 3,
        'step': 6,
        'made_from': {'seed': 1},
    }
    assert capsys.readouterr().out == f'Written to {tmp_path}/out: samples.png, result.json\n'


def test_other_results_are_kept(tmp_path):
    ResultFolder(tmp_path, {'seed': 1, 'tool': 'sample'}, step=6)
    with pytest.raises(ValueError, match='holds other results.*\n  seed: 1 before, 2 now$'):
        ResultFolder(tmp_path, {'seed': 2, 'tool': 'sample'}, step=6)
    ResultFolder(tmp_path, {'seed': 2, 'tool': 'sample'}, step=6, overwrite=True)
    (tmp_path / 'file').write_text('')
    with pytest.raises(ValueError, match='must be a folder'):
        ResultFolder(tmp_path / 'file', {}, step=6)
