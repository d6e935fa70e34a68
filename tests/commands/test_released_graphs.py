"""Commands leave no graphs in the memory of a process that calls one after the other."""

import gc
import pathlib

from tensorflow.python.framework.func_graph import FuncGraph

from support.tool_runs import run_tool, train_tiny

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / 'golden'


def graphs_in_memory():
    gc.collect()
    return sum(isinstance(found, FuncGraph) for found in gc.get_objects())


def test_training_and_samples(tmp_path, tiny_run):
    """But for those that are kept for every model, such as of the noise of images of one shape."""
    run_tool('sample', '--train_dir', tiny_run, '--num_samples=2', '--output_dir', tmp_path / 'one')
    before = graphs_in_memory()
    train_tiny(tmp_path / 'run')
    run_tool('sample', '--train_dir', tmp_path / 'run', '--num_samples=2')
    assert graphs_in_memory() <= before


def test_parity():
    before = graphs_in_memory()
    run_tool('parity', f'--fixture={GOLDEN / "glow_refined_5bit_additive"}')
    assert graphs_in_memory() <= before
