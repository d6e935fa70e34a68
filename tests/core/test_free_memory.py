"""Free memory: of the machine, or what limits of containers and jobs leave of it."""

import pytest

from tfwolf.core import memory
from tfwolf.core.memory import free_bytes, machine_bytes

MEBI = 2**20


def system(root, available_kib, groups=(), files=None):
    """Write what Linux says of a machine; return the arguments of `machine_bytes`."""
    proc, cgroups = root / 'proc', root / 'cgroup'
    (proc / 'self').mkdir(parents=True)
    cgroups.mkdir()
    (proc / 'meminfo').write_text(
        f'MemTotal:  {2 * available_kib} kB\nMemAvailable:  {available_kib} kB\n'
    )
    (proc / 'self/cgroup').write_text('\n'.join(groups))
    for name, text in (files or {}).items():
        (cgroups / name).parent.mkdir(parents=True, exist_ok=True)
        (cgroups / name).write_text(f'{text}\n')
    return proc, cgroups


def test_without_limits_it_is_what_linux_calls_available(tmp_path):
    assert machine_bytes(*system(tmp_path, 3 * 1024)) == 3 * MEBI


SECOND = {'a/memory.max': 2 * MEBI, 'a/memory.current': MEBI, 'a/b/memory.max': 'max'}
FIRST = 'memory/job/memory.limit_in_bytes', 'memory/job/memory.usage_in_bytes'


@pytest.mark.parametrize(
    ('groups', 'files', 'expected'),
    [
        # The second version: the limit of a group around this one.
        (['0::/a/b'], {**SECOND, 'a/b/memory.current': MEBI}, MEBI),
        (['0::/a'], {**SECOND, 'a/memory.stat': f'anon 1\ninactive_file {MEBI // 2}'}, 1.5 * MEBI),
        (['0::/a'], {**SECOND, 'a/memory.current': 3 * MEBI}, 0),
        # In a container the own group is the top one.
        (['0::/docker/123'], {'memory.max': 2 * MEBI, 'memory.current': 0}, 2 * MEBI),
        # The first version, as some schedulers of jobs still use.
        (['4:memory:/job', '1:cpu:/x'], dict(zip(FIRST, (2 * MEBI, MEBI))), MEBI),
        (['4:memory:/job'], dict(zip(FIRST, (9223372036854771712, MEBI))), 8 * MEBI),
        (['4:cpu,memory:/job', '0::/'], dict(zip(FIRST, (MEBI, 0))), MEBI),
        # Limits of other resources, and more than the machine has.
        (['4:cpu:/job'], dict(zip(FIRST, (MEBI, 0))), 8 * MEBI),
        (['0::/a'], {**SECOND, 'a/memory.max': 99 * MEBI}, 8 * MEBI),
    ],
)
def test_limits_of_containers_and_jobs_count(tmp_path, groups, files, expected):
    assert machine_bytes(*system(tmp_path, 8 * 1024, groups, files)) == expected


def test_elsewhere_it_is_unknown(tmp_path):
    assert machine_bytes(tmp_path / 'proc', tmp_path / 'cgroup') is None


def test_of_a_gpu_tensorflow_is_asked(monkeypatch):
    found = machine_bytes()
    assert found is None or MEBI < found
    assert free_bytes() == pytest.approx(found, rel=0.5)
    monkeypatch.setattr(memory.tf.config, 'list_physical_devices', lambda kind: ['one'])
    monkeypatch.setattr(memory, '_gpu_bytes', lambda: 5)
    assert free_bytes() == 5
