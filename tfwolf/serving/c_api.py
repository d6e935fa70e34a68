"""A SavedModel called through TensorFlow's C API, with the loader and the sessions of a server.

Needs neither this project nor TensorFlow's Python.

servable = Servable('exported/1')
servable('encode', {'images': images})['v']
"""

from __future__ import annotations

import ctypes
import os
import pickle
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

# Relative: these modules also work without the package `tfwolf`, see `verification`.
from .c_library import Output, Status, open_library
from .c_tensors import checked_array, to_array, to_tensor
from .servable_error import INVALID_ARGUMENT, ServableError, plain_message
from .signature_defs import Signature, TensorInfo, read_signatures

__all__ = ['INVALID_ARGUMENT', 'Servable', 'ServableError', 'main', 'plain_message']


class Servable:
    """A loaded SavedModel whose signatures can be called by several threads at a time.

    Args:
        folder: folder of the SavedModel, with `saved_model.pb`.
        check_shapes: whether to compare the shapes of inputs with the signature before the call.
            A server does not; the model itself checks them, too.

    Attributes:
        signatures: `{name: Signature}`.

    Raises:
        ServableError: if TensorFlow cannot load the model.
    """

    def __init__(self, folder: str | os.PathLike, check_shapes: bool = True) -> None:
        self._check_shapes = check_shapes
        self._library = open_library()
        status = Status(self._library)
        self._graph = self._library.TF_NewGraph()
        options = self._library.TF_NewSessionOptions()
        meta_graph = self._library.TF_NewBuffer()
        try:
            self._session = self._library.TF_LoadSessionFromSavedModel(
                options,
                None,
                str(folder).encode(),
                (ctypes.c_char_p * 1)(b'serve'),
                1,
                self._graph,
                meta_graph,
                status.pointer,
            )
            status.check()
            self.signatures: dict[str, Signature] = read_signatures(
                ctypes.string_at(meta_graph.contents.data, meta_graph.contents.length)
            )
        finally:
            self._library.TF_DeleteBuffer(meta_graph)
            self._library.TF_DeleteSessionOptions(options)

    def __call__(self, name: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Call a signature; return `{name: array}`.

        Args:
            name: name of the signature.
            inputs: `{name: array}` in the types and shapes of the signature; bytes as an array of
                objects.

        Raises:
            ServableError: if the signature does not exist, an input is missing, unknown or of
                another type or shape, or the model refuses it.
        """
        if name not in self.signatures:
            raise ServableError(
                f'There is no signature {name!r}; available: {", ".join(sorted(self.signatures))}.'
            )
        signature = self.signatures[name]
        if set(inputs) != set(signature.inputs):
            raise ServableError(
                f'The signature {name!r} takes the inputs {", ".join(sorted(signature.inputs))}; '
                f'got {", ".join(sorted(inputs)) or "none"}.'
            )
        library, status = self._library, Status(self._library)
        tensors = []
        try:
            for key, info in signature.inputs.items():
                array = checked_array(key, np.asarray(inputs[key]), info, self._check_shapes)
                tensors.append(to_tensor(library, key, array))
            count = len(signature.outputs)
            results = (ctypes.c_void_p * count)()
            library.TF_SessionRun(
                self._session,
                None,
                self._places(signature.inputs),
                (ctypes.c_void_p * len(tensors))(*tensors),
                len(tensors),
                self._places(signature.outputs),
                results,
                count,
                None,
                0,
                None,
                status.pointer,
            )
            status.check()
            try:
                return {
                    key: to_array(library, result)
                    for key, result in zip(signature.outputs, results)
                }
            finally:
                for result in results:
                    library.TF_DeleteTensor(result)
        finally:
            for tensor in tensors:
                library.TF_DeleteTensor(tensor)

    def close(self) -> None:
        """Release the model; it cannot be called any more."""
        self.signatures = {}
        status = Status(self._library)
        self._library.TF_CloseSession(self._session, status.pointer)
        self._library.TF_DeleteSession(self._session, status.pointer)
        self._library.TF_DeleteGraph(self._graph)

    def _places(self, infos: Mapping[str, TensorInfo]) -> ctypes.Array[Output]:
        def output(info):
            operation, index = info.place
            return Output(
                self._library.TF_GraphOperationByName(self._graph, operation.encode()), index
            )

        return (Output * len(infos))(*map(output, infos.values()))


def main() -> None:
    """Answer pickled requests `[(signature, inputs), ...]` on stdin with their results on stdout.

    The folder of the model is the first argument of the command.
    """
    servable = Servable(sys.argv[1])
    # TensorFlow's own output goes to stderr, so that stdout holds the results only.
    with os.fdopen(os.dup(1), 'wb') as results:
        os.dup2(2, 1)
        pickle.dump(
            [servable(name, inputs) for name, inputs in pickle.load(sys.stdin.buffer)], results
        )
