"""The stack of bits, and normal distributions on it."""

import importlib.util

import numpy as np
import pytest

from tfwolf.coding.gaussian import LIMIT, pop_normal, push_normal
from tfwolf.coding.stack import Stack

ENTROPY_OF_NORMAL = 0.5 * np.log2(2 * np.pi * np.e)


def draws(count=20000):
    return np.random.default_rng(0).normal(size=count)


def test_what_is_pushed_is_popped_in_reverse():
    stack, random = Stack(), np.random.default_rng(0)
    sizes = random.integers(1, 2**16, 1000)
    values = random.integers(0, sizes)
    stack.push_uniform(values, sizes)
    bits = stack.num_bits
    assert abs(bits - np.log2(sizes).sum()) < 0.01 * 1000 + 32
    stack.push_bins(np.array([-3, 3]), 3, 0.0, np.array([1.0, 2.0]))
    copy = Stack.from_bytes(stack.to_bytes())
    for found in (stack, copy):
        assert found.pop_bins(3, 0.0, np.array([1.0, 2.0])).tolist() == [-3, 3]
        assert found.num_bits == bits
        assert np.array_equal(found.pop_uniform(sizes), values)
        assert found.content() == b''


@pytest.mark.parametrize('content', [b'', b'\0', b'abc', b'abcd', b'\0\0\0\0', b'abcd\0\0\0\0\0'])
def test_the_content_at_the_bottom_is_kept(content):
    stack = Stack(content)
    sizes = np.full(100, 1000)
    values = stack.pop_uniform(sizes)
    assert stack.lowest <= 64
    stack = Stack.from_bytes(stack.to_bytes())
    stack.push_uniform(values, sizes)
    found = stack.content()
    assert found == content + bytes(-len(content) % 4)
    stack.push_uniform(np.array([5]), np.array([2**20]))
    with pytest.raises(ValueError, match='more than the bytes at its bottom'):
        stack.content()


def test_a_normal_distribution_costs_its_entropy():
    std, mean = np.full(20000, 300.0), np.full(20000, 17)
    values = np.rint(300 * draws() + 17).astype(np.int64)
    stack = Stack()
    push_normal(stack, values, mean, std)
    expected = np.log2(300) + ENTROPY_OF_NORMAL
    assert stack.num_bits / len(values) == pytest.approx(expected, abs=0.01)
    assert np.array_equal(pop_normal(stack, mean, std), values) and stack.content() == b''


def test_any_value_has_a_code():
    std = np.array([1e-3, 1.0, 64.0, 4096.0, 2.0**30] * 5)
    values = np.repeat([-(2**40), -30 * 4096, 0, 30 * 4096, 2**30], 5)
    values[values == -(2**40)] = -(2**31)
    mean, stack = np.zeros(25, np.int64), Stack()
    push_normal(stack, values, mean, std)
    assert np.array_equal(pop_normal(stack, mean, std), values) and stack.content() == b''
    edges = np.arange(-LIMIT - 2, LIMIT + 3)
    std, mean = np.full(len(edges), 1.0), np.zeros(len(edges), np.int64)
    push_normal(stack, edges, mean, std)
    assert np.array_equal(pop_normal(stack, mean, std), edges)
    with pytest.raises(ValueError, match='too large'):
        push_normal(stack, np.array([2**43]), mean[:1], std[:1])


def test_draws_have_their_distribution_and_give_their_bits_back():
    stack = Stack(np.random.default_rng(1).bytes(400_000))
    content, mean, std = stack.to_bytes(), np.full(20000, -7), np.full(20000, 1000.0)
    values = pop_normal(stack, mean, std, draws=True)
    assert values.mean() == pytest.approx(-7, abs=30) and values.std() == pytest.approx(
        1000, rel=0.02
    )
    push_normal(stack, values, mean, std, draws=True)
    assert stack.to_bytes() == content


def test_the_extra_is_named_if_the_package_is_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ValueError, match=r'constriction is missing.*"tfwolf\[compress\]"'):
        Stack()
