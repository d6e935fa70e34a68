"""The folder of a tool's results."""

import json
import pathlib

import numpy as np
import pytest

from tfwolf.pictures.description import read_description
from tfwolf.plots.appearance import Appearance
from tfwolf.plots.figure_files import FORMATS
from tfwolf.plots.labelled_grid import Labels
from tfwolf.runs.results import ResultFolder


def test_results_are_files_without_tensorboard_events(tmp_path, capsys):
    """Events of earlier versions are removed, so TensorBoard shows only the curves of runs."""
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'made_from.json').write_text('{"seed": 1}')
    (tmp_path / 'out' / 'tensorboard').mkdir()
    folder = ResultFolder(tmp_path / 'out', {'seed': 1}, step=6)
    folder.grid('samples', np.zeros([2, 4, 4, 3], np.uint8), 2)
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


def test_every_file_says_what_it_was_made_from(tmp_path):
    """Without folders of paths, and the same values give the same bytes."""
    look = Appearance(FORMATS, scale=3, dpi=100)
    written = []
    for place in ('a', 'b'):
        made_from = {'seed': 1, 'images': '/home/me/mine.png', 'versions': {'tfwolf': '1'}}
        folder = ResultFolder(tmp_path / place, made_from, 6, appearance=look)
        folder.grid('grid', np.zeros([2, 4, 4, 1], np.uint8), 2, Labels('α', ['z'], ['a', 'b']))
        folder.pictures('single', {'0': np.zeros([4, 4, 1], np.uint8)})
        files = [f'grid.{ending}' for ending in FORMATS]
        written.append([pathlib.Path(folder.path(file)).read_bytes() for file in files])
    expected = {'seed': 1, 'images': 'mine.png', 'versions': {'tfwolf': '1'}, 'step': 6}
    for file in (*files, 'single/0.png'):
        assert read_description(tmp_path / 'a' / file) == expected, file
    assert written[0] == written[1]
    (tmp_path / 'plain.svg').write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    with pytest.raises(ValueError, match='plain.svg has no description'):
        read_description(tmp_path / 'plain.svg')
    with pytest.raises(ValueError, match='must end in .png, .pdf, .svg, .gif, .webp'):
        read_description('a.tif')
