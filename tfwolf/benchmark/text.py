"""Results of benchmarks as text for people, in ms, MB and GFLOP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfwolf.benchmark.trace_text import trace_as_text
from tfwolf.benchmark.units import duration, size

LABEL_WIDTH, VALUE_WIDTH = 20, 14
# What is measured, in words; names that are not listed are shown as they are.
SPEEDS = {
    'evaluate': 'evaluation',
    'encode': 'encoding',
    'sample': 'sampling',
    'input': 'input pipeline',
}
MEMORY = {
    'resident': ('process', 'peak of the process'),
    'activations': ('activations', 'estimate for a CPU: increase in the steps'),
    'device': ('GPU', 'peak of the fullest GPU'),
}

Result = Mapping[str, Any]


def as_text(result: Result) -> str:
    """Return the lines of a result.

    Args:
        result: dict from `measure.measure`, `turns.compare` or `served.time_export`.
    """
    if 'signatures' in result:
        lines = _served(result)
    elif 'first_over_second' in result:
        lines = _compared(result)
    else:
        lines = _measured(result)
    return '\n'.join(line.rstrip() for line in lines)


def _measured(result: Result) -> Iterator[str]:
    yield _row('Model', f'{result["parameters"]:,}', 'parameters')
    yield _row('', f'{result["batch_size"]:,}', 'images per training step')
    yield _row('', result['arithmetic'], 'networks in a training step')
    yield from _start(result['start_seconds'])
    step = result['step_seconds']
    low, high = map(duration, step['quartiles'])
    yield _row(
        'Training step',
        duration(step['median']),
        f'median of {step["steps"]}; quartiles {low} and {high}',
    )
    yield _row('  speed', f'{_number(result["images_per_second"])} images/s', '')
    yield from _memory(result['memory_bytes'])
    if drift := result.get('gradient_drift'):
        yield _row(
            'Gradient error',
            f'{drift["whole_gradient"]:.1e}',
            'relative, of the whole gradient',
        )
        yield _row('', f'{drift["worst_variable"]:.1e}', 'relative, of the worst variable')
    yield from _work(result)
    if speeds := result.get('throughput_images_per_second'):
        yield 'Other speeds'
        for name, speed in speeds.items():
            yield _row(f'  {SPEEDS.get(name, name)}', f'{_number(speed)} images/s', '')
    if 'trace' in result:
        yield f'\n{trace_as_text(result["trace"])}'


def _work(result: Result) -> Iterator[str]:
    if 'training_flop_per_image' not in result:
        return
    flop, peak = result['training_flop_per_image'], result['matmul_peak_flop_per_second']
    yield _row(
        'Work per image',
        f'{_number(flop / 1e9)} GFLOP',
        'convolutions and matrix products of a step',
    )
    share = 100 * result['share_of_matmul_peak']
    yield _row(
        '  speed',
        f'{_number(flop * result["images_per_second"] / 1e9)} GFLOP/s',
        f'{share:.2g} % of a matrix product ({_number(peak / 1e9)} GFLOP/s)',
    )


def _compared(result: Result) -> Iterator[str]:
    ratio, second = result['first_over_second'], result['second_is']
    faster = 'the second is faster' if ratio > 1 else 'the first is faster'
    yield _row(
        'First / second',
        f'{ratio:.3f}',
        f'of median step times; {faster if ratio != 1 else "both are as fast"}',
    )
    for title, key in (('First setting', 'first'), ('Second setting', 'second')):
        named = second if isinstance(second, str) else ', '.join(second)
        yield f'\n{title}{f": {named}" if key == "second" else ""}'
        low, median, high = map(duration, result[key]['step_seconds_quartiles'])
        yield _row('Training step', median, f'median; quartiles {low} and {high}')
        if 'memory_bytes' in result[key]:
            yield from _memory(result[key]['memory_bytes'])
        if 'start_seconds' in result[key]:
            yield from _start(result[key]['start_seconds'])


def _served(result: Result) -> Iterator[str]:
    yield f'Exported model {result["folder"]}'
    yield _row('Loading', duration(result['load_seconds']), '')
    columns = list(dict.fromkeys(key for times in result['signatures'].values() for key in times))
    titles = (name.removesuffix('_seconds').replace('_', ' ') for name in columns)
    yield _table_row('Signature', titles)
    for name, times in result['signatures'].items():
        yield _table_row(
            f'  {name}', (duration(times[key]) if key in times else '' for key in columns)
        )


def _start(seconds: Mapping[str, float]) -> Iterator[str]:
    total = duration(sum(seconds.values()))
    yield _row('Start', total, 'until the end of the first step')
    for name, value in seconds.items():
        yield _row(f'  {name}', duration(value), '')


def _memory(num_bytes: Mapping[str, float]) -> Iterator[str]:
    yield 'Memory'
    for name, value in num_bytes.items():
        label, meaning = MEMORY.get(name, (name, ''))
        yield _row(f'  {label}', size(value), meaning)


def _row(label: str, value: str, meaning: str) -> str:
    return f'{label:{LABEL_WIDTH}}{value:>{VALUE_WIDTH}}  {meaning}'


def _table_row(label: str, values: Iterable[str]) -> str:
    return f'{label:{LABEL_WIDTH}}' + ''.join(f'{value:>{VALUE_WIDTH}}' for value in values)


def _number(value: float) -> str:
    """Return a number with three digits or more, without an exponent where it is readable."""
    return f'{value:,.0f}' if abs(value) >= 100 else f'{value:.3g}'
