"""Weights as files hold them: names, shapes and types first, values when they are needed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from tfwolf.core.messages import first_line

OBJECT_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH'
VARIABLE_VALUE = 'VARIABLE_VALUE'


@dataclasses.dataclass(frozen=True)
class Stored:
    """An array in a file.

    Attributes:
        shape: its shape.
        dtype: its type.
        read: returns its value.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], np.ndarray]


class DamagedWeights(ValueError):
    """The file is damaged, or was not written by tfwolf."""


def checkpoint_variables(path: str, name: str) -> dict[str, Stored]:
    """Return the variables of an object in a checkpoint, by their paths in it.

    The paths are those of `named_variables` of the object, with parts separated by `/`. They are
    found in the graph of objects that the checkpoint holds, by which TensorFlow restores it; no
    object is made.

    Args:
        path: of the checkpoint, without extension.
        name: of the object in the checkpoint, such as 'model'.

    Raises:
        DamagedWeights: if the checkpoint cannot be read.
    """
    try:
        reader = tf.train.load_checkpoint(path)
        graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
            reader.get_tensor(OBJECT_GRAPH)
        )
        found = dict(_keys(graph, name))
        shapes, dtypes = (
            reader.get_variable_to_shape_map(),
            reader.get_variable_to_dtype_map(),
        )
        return {
            place: Stored(
                tuple(shapes[key]),
                np.dtype(dtypes[key].as_numpy_dtype),
                functools.partial(reader.get_tensor, key),
            )
            for place, key in found.items()
        }
    except Exception as error:  # the reader and the parser raise errors of many types
        raise DamagedWeights(f'{path} cannot be read: {first_line(error)}.') from error


def averaged_variables(path: str, names: Sequence[str]) -> dict[str, Stored]:
    """Return the averages of the weights in the checkpoint of a run, empty without any.

    Args:
        path: of the checkpoint, without extension.
        names: paths of the trainable variables, in their order, see `WeightAverages`.

    Raises:
        DamagedWeights: if the checkpoint cannot be read.
    """
    averages = checkpoint_variables(path, 'train_step')
    count = averages.get('averages/count')
    if count is None or not count.read():
        return {}
    values = [f'averages/values/{number}' for number in range(len(names))]
    if set(values) != {key for key in averages if key.startswith('averages/values/')}:
        raise DamagedWeights(f'{path} does not have as many averages as weights.')
    return {name: averages[value] for name, value in zip(names, values)}


def _keys(
    graph: trackable_object_graph_pb2.TrackableObjectGraph, name: str
) -> Iterator[tuple[str, str]]:
    """Yield (path, key in the checkpoint) of each variable of the child `name` of the root."""
    children = {child.local_name: child.node_id for child in graph.nodes[0].children}
    waiting = [((), children[name])] if name in children else []
    seen = set()
    while waiting:
        path, number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        node = graph.nodes[number]
        for attribute in node.attributes:
            if attribute.name == VARIABLE_VALUE:
                yield '/'.join(path), attribute.checkpoint_key
        waiting += [((*path, each.local_name), each.node_id) for each in reversed(node.children)]
