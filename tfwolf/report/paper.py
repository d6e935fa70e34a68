"""The numbers of the paper that a run could stand beside, from its configuration."""

from __future__ import annotations

from collections.abc import Mapping

from tfwolf.core.paper_numbers import numbers_for

BITS, FRECHET = 'bits/dim', 'Frechet distance'


def accuracy_by(code: str) -> str:
    """Return the name of the row of the probe's accuracy by z or v."""
    return f'accuracy by {code}'


def paper_of(bindings: Mapping[str, str]) -> dict[str, str]:
    """Return `{name of a row of the first screen: number of Wolf's paper}` for a run.

    Rows without a number are left out. The bound is of 8 bits with uniform dequantization, and all
    numbers are of p(x), not of p(x|c).

    Args:
        bindings: `{name: value}`, both as text, of the run's `config.gin`.
    """
    scheme, _, name = bindings.get('dataset.source', '').strip('\'"').partition(':')
    if scheme != 'tfds' or bindings.get('Wolf.condition', 'None') != 'None':
        return {}
    numbers = numbers_for(name.partition(':')[0])
    paper = {accuracy_by(code): f'{share:.2%}' for code, share in numbers.accuracies.items()}
    if numbers.frechet_distance is not None:
        paper[FRECHET] = f'{numbers.frechet_distance}'
    is_uniform = bindings.get('Wolf.dequantizer', 'None') == 'None'
    if numbers.bits_per_dim and is_uniform and bindings.get('Wolf.num_bits', '8') == '8':
        paper[BITS] = numbers.bits_per_dim
    return paper
