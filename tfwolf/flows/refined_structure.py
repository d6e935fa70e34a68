"""Checks of the arguments that describe the multi-scale structure of refined Glow."""

from __future__ import annotations

from collections.abc import Sequence

from tfwolf.core import validate

# The number of steps of each group, for each level.
Groups = Sequence[Sequence[int]]


def checked_groups(
    num_steps: Sequence[int | Sequence[int]], hidden_channels: Sequence[int]
) -> Groups:
    """Return `num_steps` with a tuple of groups for every level.

    Raises:
        ValueError: if `num_steps` is malformed, or `hidden_channels` has another number of levels.
    """
    rule = (
        '`num_steps` must be like [2, [6, 6], 4]: an integer for level 0 (0 for no steps), a list '
        'of integers for each middle level, an integer for the last level; got '
        f'num_steps={num_steps!r}.'
    )
    if not isinstance(num_steps, (list, tuple)) or len(num_steps) < 2:
        raise ValueError(rule)
    first, *middle, last = num_steps
    lists = [level for level in middle if isinstance(level, (list, tuple)) and level]
    if isinstance(first, (list, tuple)) or isinstance(last, (list, tuple)) or lists != middle:
        raise ValueError(rule)
    groups: list[tuple[int, ...]] = [(validate.integer('num_steps[0]', first, minimum=0),)]
    for level in [*lists, [last]]:
        groups.append(tuple(validate.integer('num_steps', number, minimum=1) for number in level))
    if not isinstance(hidden_channels, (list, tuple)) or len(hidden_channels) != len(num_steps):
        raise ValueError(
            f'`hidden_channels` must have one entry per level, {len(num_steps)} here; got '
            f'{hidden_channels!r}.'
        )
    return groups


def checked_factors(factors: Sequence[int] | None, groups: Groups) -> list[int]:
    """Return one factor M per middle level.

    Args:
        factors: M of each middle level; None for twice its number of groups.
        groups: value of `checked_groups`.

    Raises:
        ValueError: if the number of factors is wrong, or a factor is not above its number of
            groups.
    """
    counts = [len(level) for level in groups[1:-1]]
    if factors is None:
        return [2 * count for count in counts]
    if not isinstance(factors, (list, tuple)) or len(factors) != len(counts):
        raise ValueError(
            f'`factors` must have one entry per middle level, {len(counts)} here; got '
            f'factors={factors!r}.'
        )
    for factor, count in zip(factors, counts):
        if validate.integer('factors', factor, minimum=2) <= count:
            raise ValueError(
                f'`factors` must be above the number of groups of its level, {count}; got '
                f'factors={factors!r}.'
            )
    return list(factors)


def checked_levels(conditioned_levels: Sequence[int] | None, num_levels: int) -> None:
    """Check the indices of the levels whose networks see z.

    Raises:
        ValueError: if they are not None or different indices of levels, at least one.
    """
    if conditioned_levels is None:
        return
    if (
        not isinstance(conditioned_levels, (list, tuple))
        or not conditioned_levels
        or len(set(conditioned_levels)) < len(conditioned_levels)
        or not set(conditioned_levels) <= set(range(num_levels))
    ):
        raise ValueError(
            '`conditioned_levels` must be None or different indices of levels, at least one of 0 '
            f'to {num_levels - 1}; got conditioned_levels={conditioned_levels!r}.'
        )
