"""Results of benchmarks as text for people."""

import pytest

from tfwolf.benchmark.text import as_text
from tfwolf.benchmark.units import duration, size

START = {'imports': 6.0, 'data': 0.0123, 'first run': 5.5}
MEASURED = {
    'parameters': 51860457,
    'batch_size': 16,
    'arithmetic': 'bfloat16',
    'start_seconds': START,
    'step_seconds': {'median': 0.8, 'quartiles': [0.75, 12.5], 'steps': 30},
    'images_per_second': 20.0,
    'memory_bytes': {'resident': 1_500_000_000, 'activations': 350_000_000, 'device': 2_000_000},
    'gradient_drift': {'whole_gradient': 1.2e-6, 'worst_variable': 3e-5},
    'training_flop_per_image': 1_230_000_000,
    'matmul_peak_flop_per_second': 5e10,
    'share_of_matmul_peak': 0.492,
    'throughput_images_per_second': {
        'evaluate': 60.5,
        'encode': 70.0,
        'sample': 0.25,
        'input': 123456.7,
    },
}


def words(text):
    """Return the lines of a text with single spaces."""
    return [' '.join(line.split()) for line in text.split('\n')]


def test_units_of_time_and_memory():
    assert [duration(value) for value in (1e-4, 0.00123456, 0.0456, 0.2, 9.999, 10, 3600)] == [
        '0.10 ms',
        '1.23 ms',
        '45.6 ms',
        '200 ms',
        '9,999 ms',
        '10.0 s',
        '3,600.0 s',
    ]
    assert [size(value) for value in (1.5e6, 2.5e8, 1.5e9, -2e6)] == [
        '1.5 MB',
        '250 MB',
        '1.50 GB',
        '-2.0 MB',
    ]


def test_one_setting():
    text = as_text(MEASURED)
    lines = words(text)
    for line in (
        'Model 51,860,457 parameters',
        '16 images per training step',
        'bfloat16 networks in a training step',
        'Start 11.5 s until the end of the first step',
        'imports 6,000 ms',
        'data 12.3 ms',
        'first run 5,500 ms',
        'Training step 800 ms median of 30; quartiles 750 ms and 12.5 s',
        'speed 20 images/s',
        'process 1.50 GB peak of the process',
        'activations 350 MB estimate for a CPU: increase in the steps',
        'GPU 2.0 MB peak of the fullest GPU',
        'Gradient error 1.2e-06 relative, of the whole gradient',
        '3.0e-05 relative, of the worst variable',
        'Work per image 1.23 GFLOP convolutions and matrix products of a step',
        'speed 24.6 GFLOP/s 49 % of a matrix product (50 GFLOP/s)',
        'evaluation 60.5 images/s',
        'encoding 70 images/s',
        'sampling 0.25 images/s',
        'input pipeline 123,457 images/s',
    ):
        assert line in lines, (line, text)
    assert max(map(len, text.split('\n'))) <= 80
    # Values end in one column.
    ends = {line.index(' ms') for line in text.split('\n') if line.startswith('  first run')}
    assert ends == {line.index(' ms') for line in text.split('\n') if line.startswith('  data')}


def test_one_setting_without_details():
    details = (
        'gradient_drift',
        'training_flop_per_image',
        'matmul_peak_flop_per_second',
        'share_of_matmul_peak',
        'throughput_images_per_second',
    )
    text = as_text({name: value for name, value in MEASURED.items() if name not in details})
    assert 'GFLOP' not in text and 'Gradient' not in text and 'Other' not in text


@pytest.mark.parametrize(
    'ratio, second_is, said',
    [
        (1.25, ['train.batch_size = 8', 'a = 1'], 'the second is faster'),
        (0.8, 'python other.py', 'the first is faster'),
        (1.0, 'python other.py', 'both are as fast'),
    ],
)
def test_two_settings(ratio, second_is, said):
    first = {
        'step_seconds_quartiles': [0.1, 0.2, 0.3],
        'memory_bytes': MEASURED['memory_bytes'],
        'start_seconds': START,
    }
    second = first if isinstance(second_is, list) else {'step_seconds_quartiles': [1.0, 2.0, 3.0]}
    text = as_text(
        {'first_over_second': ratio, 'first': first, 'second': second, 'second_is': second_is}
    )
    lines = words(text)
    assert lines[0] == f'First / second {ratio:.3f} of median step times; {said}'
    assert 'Training step 200 ms median; quartiles 100 ms and 300 ms' in lines
    own = ', '.join(second_is) if isinstance(second_is, list) else second_is
    assert f'Second setting: {own}' in lines
    assert text.count('Memory') == text.count('imports') == (2 if second is first else 1)


def test_an_exported_model():
    result = {
        'folder': 'exported/1',
        'load_seconds': 1.5,
        'signatures': {
            'decode': {
                'first_call_seconds': 0.25,
                'batch 1_seconds': 0.001,
                'batch 8_seconds': 0.004,
                'batch 64_seconds': 11.0,
            },
            'sample': {
                'first_call_seconds': 0.5,
                'batch 1_seconds': 0.002,
                'batch 8_seconds': 0.008,
                'batch 64_seconds': 0.064,
            },
        },
    }
    text = as_text(result)
    assert words(text) == [
        'Exported model exported/1',
        'Loading 1,500 ms',
        'Signature first call batch 1 batch 8 batch 64',
        'decode 250 ms 1.00 ms 4.00 ms 11.0 s',
        'sample 500 ms 2.00 ms 8.00 ms 64.0 ms',
    ]
    assert len({len(line) for line in text.split('\n')[2:]}) == 1
