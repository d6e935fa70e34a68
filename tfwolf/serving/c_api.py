"""A SavedModel through TensorFlow's C API, the loader and the sessions of a server. Needs neither
this project nor TensorFlow's Python.

servable = Servable('exported/1')
servable('encode', {'images': images})['v']
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import pathlib
import pickle
import re
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

# Relative: the two work alone, under any name of the package.
from .signature_defs import DTYPES, Signature, read_signatures

STRING = 7
STRING_BYTES = 24
INVALID_ARGUMENT = 3


class ServableError(ValueError):
    """TensorFlow refused a request; the message is for whoever sent it, `code` is TensorFlow's."""

    def __init__(self, message: str, code: int = INVALID_ARGUMENT) -> None:
        super().__init__(message)
        self.code: int = code


class Servable:
    """A loaded SavedModel whose signatures can be called, by several threads at a time.

    Args:
        folder: of the SavedModel, with `saved_model.pb` in it.
        check_shapes: whether inputs' shapes are held against the signature here. A server leaves
            that to the model, which does it too.

    Attributes:
        signatures: `{name: Signature}`.

    Raises:
        ServableError: if TensorFlow cannot load it.
    """

    def __init__(self, folder: str | os.PathLike, check_shapes: bool = True) -> None:
        self._check_shapes = check_shapes
        self._library = _library()
        status = _Status(self._library)
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
        """Calls a signature; returns `{name: array}`.

        Args:
            name: of the signature.
            inputs: `{name: array}` in the types and shapes that the signature asks for; bytes as an
                array of objects.

        Raises:
            ServableError: if there is no such signature, an input is missing or unknown, of another
                type or shape, or the model refuses it.
        """
        if name not in self.signatures:
            raise ServableError(
                f'There is no signature {name!r}; there are: {", ".join(sorted(self.signatures))}.'
            )
        signature = self.signatures[name]
        if set(inputs) != set(signature.inputs):
            raise ServableError(
                f'The signature {name!r} takes the inputs {", ".join(sorted(signature.inputs))}; '
                f'got {", ".join(sorted(inputs)) or "none"}.'
            )
        library, status = self._library, _Status(self._library)
        tensors = []
        try:
            for key, info in signature.inputs.items():
                tensors.append(self._tensor(key, np.asarray(inputs[key]), info))
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
                return {key: self._array(result) for key, result in zip(signature.outputs, results)}
            finally:
                for result in results:
                    library.TF_DeleteTensor(result)
        finally:
            for tensor in tensors:
                library.TF_DeleteTensor(tensor)

    def close(self) -> None:
        """Lets the model go; it cannot be called any more."""
        self.signatures = {}
        status = _Status(self._library)
        self._library.TF_CloseSession(self._session, status.pointer)
        self._library.TF_DeleteSession(self._session, status.pointer)
        self._library.TF_DeleteGraph(self._graph)

    def _places(self, infos):
        return (_Output * len(infos))(
            *(
                _Output(
                    self._library.TF_GraphOperationByName(self._graph, info.place[0].encode()),
                    info.place[1],
                )
                for info in infos.values()
            )
        )

    def _tensor(self, name, array, info):
        wanted = np.dtype(info.dtype)
        is_bytes = wanted == np.object_
        if is_bytes and array.dtype.kind in 'SUO':
            array = array.astype(np.object_)
        if array.dtype != wanted:
            raise ServableError(
                f'`{name}` must be {"bytes" if is_bytes else wanted.name}; got {array.dtype.name}.'
            )
        if self._check_shapes and (
            array.ndim != len(info.shape)
            or any(size not in (None, found) for size, found in zip(info.shape, array.shape))
        ):
            shape = ', '.join('any' if size is None else str(size) for size in info.shape)
            raise ServableError(f'`{name}` must have the shape [{shape}]; got {list(array.shape)}.')
        values = (
            [value.encode() if isinstance(value, str) else value for value in array.ravel()]
            if is_bytes
            else []
        )
        if not all(isinstance(value, bytes) for value in values):
            raise ServableError(
                f'`{name}` must be bytes; got '
                f'{next(type(value).__name__ for value in values if not isinstance(value, bytes))}.'
            )
        dtype = next(number for number, kind in DTYPES.items() if kind == info.dtype)
        size = array.size * (STRING_BYTES if is_bytes else array.itemsize)
        tensor = self._library.TF_AllocateTensor(
            dtype, (ctypes.c_int64 * array.ndim)(*array.shape), array.ndim, size
        )
        data = self._library.TF_TensorData(tensor)
        if not is_bytes:
            ctypes.memmove(data, np.ascontiguousarray(array).ctypes.data, size)
            return tensor
        for index, value in enumerate(values):
            self._library.TF_StringInit(data + index * STRING_BYTES)
            self._library.TF_StringCopy(data + index * STRING_BYTES, value, len(value))
        return tensor

    def _array(self, tensor):
        library = self._library
        shape = [library.TF_Dim(tensor, axis) for axis in range(library.TF_NumDims(tensor))]
        dtype, data = library.TF_TensorType(tensor), library.TF_TensorData(tensor)
        if dtype != STRING:
            return (
                np.frombuffer(
                    ctypes.string_at(data, library.TF_TensorByteSize(tensor)), DTYPES[dtype]
                )
                .reshape(shape)
                .copy()
            )
        places = (data + index * STRING_BYTES for index in range(int(np.prod(shape))))
        values = [
            ctypes.string_at(
                library.TF_StringGetDataPointer(place), library.TF_StringGetSize(place)
            )
            for place in places
        ]
        return np.array(values, np.object_).reshape(shape)


class _Output(ctypes.Structure):
    _fields_ = [('operation', ctypes.c_void_p), ('index', ctypes.c_int)]


class _Buffer(ctypes.Structure):
    _fields_ = [
        ('data', ctypes.c_void_p),
        ('length', ctypes.c_size_t),
        ('deallocator', ctypes.c_void_p),
    ]


class _Status:
    def __init__(self, library):
        self._library = library
        self.pointer = library.TF_NewStatus()

    def check(self) -> None:
        code = self._library.TF_GetCode(self.pointer)
        if code:
            raise ServableError(
                plain_message(self._library.TF_Message(self.pointer).decode(errors='replace')), code
            )

    def __del__(self):
        self._library.TF_DeleteStatus(self.pointer)


def plain_message(message: str) -> str:
    """Returns TensorFlow's message of an error without the names of operations in it."""
    asserted = re.search(r'assertion failed: \[(.*?)\]\s*(?:\[\[|\n|$)', message, re.DOTALL)
    if asserted:
        return asserted[1]
    text = re.sub(r'\s*\[\[\{\{.*?\}\}\]\]', '', message).split('\n')[0].strip()
    place = re.search(r'(\w+)_must_be_(\w+)', message)
    return f'`{place[1]}` must be {place[2]}: {text}' if place else text


@functools.cache
def _library():
    """Returns TensorFlow's C library, opened, with the types of what is used of it."""
    spec = importlib.util.find_spec('tensorflow')
    if spec is None:
        raise ServableError(
            'TensorFlow is not installed here; its C library is needed to call the model.'
        )
    folder = pathlib.Path(spec.submodule_search_locations[0])
    # Not RTLD_GLOBAL: with TensorFlow's symbols in sight of all, modules that Python loads later,
    # such as numpy.random, crash.
    ctypes.CDLL(str(folder / 'libtensorflow_framework.so.2'))
    library = ctypes.CDLL(str(folder / 'libtensorflow_cc.so.2'))
    pointer, text, number, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
    buffer = ctypes.POINTER(_Buffer)
    for name, result, *arguments in (
        ('TF_NewStatus', pointer),
        ('TF_DeleteStatus', None, pointer),
        ('TF_GetCode', number, pointer),
        ('TF_Message', text, pointer),
        ('TF_NewGraph', pointer),
        ('TF_DeleteGraph', None, pointer),
        ('TF_NewSessionOptions', pointer),
        ('TF_DeleteSessionOptions', None, pointer),
        ('TF_NewBuffer', buffer),
        ('TF_DeleteBuffer', None, buffer),
        (
            'TF_LoadSessionFromSavedModel',
            pointer,
            pointer,
            pointer,
            text,
            pointer,
            number,
            pointer,
            buffer,
            pointer,
        ),
        ('TF_CloseSession', None, pointer, pointer),
        ('TF_DeleteSession', None, pointer, pointer),
        ('TF_GraphOperationByName', pointer, pointer, text),
        (
            'TF_SessionRun',
            None,
            pointer,
            pointer,
            pointer,
            pointer,
            number,
            pointer,
            pointer,
            number,
            pointer,
            number,
            pointer,
            pointer,
        ),
        ('TF_AllocateTensor', pointer, number, pointer, number, size),
        ('TF_DeleteTensor', None, pointer),
        ('TF_TensorData', pointer, pointer),
        ('TF_TensorByteSize', size, pointer),
        ('TF_TensorType', number, pointer),
        ('TF_NumDims', number, pointer),
        ('TF_Dim', ctypes.c_int64, pointer, number),
        ('TF_StringInit', None, pointer),
        ('TF_StringCopy', None, pointer, text, size),
        ('TF_StringGetDataPointer', pointer, pointer),
        ('TF_StringGetSize', size, pointer),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def main() -> None:
    """Answers pickled requests `[(signature, inputs), ...]` on stdin with their results on stdout;
    the folder of the model is the first argument.
    """
    servable = Servable(sys.argv[1])
    # What TensorFlow prints must not get between the results.
    with os.fdopen(os.dup(1), 'wb') as results:
        os.dup2(2, 1)
        pickle.dump(
            [servable(name, inputs) for name, inputs in pickle.load(sys.stdin.buffer)], results
        )
