"""The folder of a run: what may lie in it before, and results that were damaged since."""

import pytest

from support.damage import damaged
from tfwolf.core.files import write_json
from tfwolf.training import run_directory


def test_logs_and_what_file_systems_make_are_no_obstacle(tmp_path):
    for name in ('nohup.out', 'train.log', 'slurm-12.out', '.nfs00012', 'config.gin.part'):
        (tmp_path / name).touch()
    (tmp_path / 'lost+found').mkdir()
    (tmp_path / run_directory.LOCK).touch()
    run_directory.check(str(tmp_path))
    (tmp_path / 'thesis.tex').touch()
    with pytest.raises(ValueError, match="such as 'thesis.tex'.*nothing was written"):
        run_directory.check(str(tmp_path))
    (tmp_path / 'config.gin').touch()
    run_directory.check(str(tmp_path))
    run_directory.check(str(tmp_path / 'nowhere'))


def test_a_damaged_evaluation_is_none(tmp_path):
    path = tmp_path / run_directory.EVALUATION
    assert run_directory.read_evaluation(str(tmp_path)) is None
    write_json(path, {'checkpoint_sha256': 'ab', 'bits_per_dim': 3.5})
    result = run_directory.read_evaluation(str(tmp_path))
    assert result == {'checkpoint_sha256': 'ab', 'bits_per_dim': 3.5}
    for content in damaged(path.read_bytes(), 200):
        path.write_bytes(content)
        found = run_directory.read_evaluation(str(tmp_path))
        assert found is None or 'checkpoint_sha256' in found
    for content in (b'[]', b'3', b'{}', b'[' * 10**5, b'\xff', b''):
        path.write_bytes(content)
        assert run_directory.read_evaluation(str(tmp_path)) is None
    path.unlink()
    path.mkdir()
    assert run_directory.read_evaluation(str(tmp_path)) is None
