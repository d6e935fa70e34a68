"""TensorFlow's C library: loaded once, with the types of the functions that are used."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import pathlib

# Relative: these modules also work without the package `tfwolf`, see `verification`.
from .servable_error import ServableError, plain_message


class Output(ctypes.Structure):
    """`TF_Output`: an output of an operation."""

    _fields_ = [('operation', ctypes.c_void_p), ('index', ctypes.c_int)]


class Buffer(ctypes.Structure):
    """`TF_Buffer`: bytes with a length."""

    _fields_ = [
        ('data', ctypes.c_void_p),
        ('length', ctypes.c_size_t),
        ('deallocator', ctypes.c_void_p),
    ]


class Status:
    """`TF_Status`: whether a call succeeded.

    Args:
        library: the C library.

    Attributes:
        pointer: what C functions take.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self.pointer: int = library.TF_NewStatus()

    def check(self) -> None:
        """Raise a `ServableError` if the call failed."""
        code = self._library.TF_GetCode(self.pointer)
        if code:
            message = self._library.TF_Message(self.pointer).decode(errors='replace')
            raise ServableError(plain_message(message), code)

    def __del__(self):
        self._library.TF_DeleteStatus(self.pointer)


_POINTER, _TEXT, _NUMBER, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
_BUFFER = ctypes.POINTER(Buffer)

# {function: (type of the result, types of the arguments)}.
FUNCTIONS = {
    'TF_NewStatus': (_POINTER, []),
    'TF_DeleteStatus': (None, [_POINTER]),
    'TF_GetCode': (_NUMBER, [_POINTER]),
    'TF_Message': (_TEXT, [_POINTER]),
    'TF_NewGraph': (_POINTER, []),
    'TF_DeleteGraph': (None, [_POINTER]),
    'TF_NewSessionOptions': (_POINTER, []),
    'TF_DeleteSessionOptions': (None, [_POINTER]),
    'TF_NewBuffer': (_BUFFER, []),
    'TF_DeleteBuffer': (None, [_BUFFER]),
    # Options, run options, folder, tags, number of tags, graph, meta graph, status.
    'TF_LoadSessionFromSavedModel': (
        _POINTER,
        [_POINTER, _POINTER, _TEXT, _POINTER, _NUMBER, _POINTER, _BUFFER, _POINTER],
    ),
    'TF_CloseSession': (None, [_POINTER, _POINTER]),
    'TF_DeleteSession': (None, [_POINTER, _POINTER]),
    'TF_GraphOperationByName': (_POINTER, [_POINTER, _TEXT]),
    # Session, run options, inputs, their values and number, outputs, their values and number,
    # targets and their number, run metadata, status.
    'TF_SessionRun': (
        None,
        [
            *[_POINTER, _POINTER],
            *[_POINTER, _POINTER, _NUMBER],
            *[_POINTER, _POINTER, _NUMBER],
            *[_POINTER, _NUMBER, _POINTER, _POINTER],
        ],
    ),
    'TF_AllocateTensor': (_POINTER, [_NUMBER, _POINTER, _NUMBER, _SIZE]),
    'TF_DeleteTensor': (None, [_POINTER]),
    'TF_TensorData': (_POINTER, [_POINTER]),
    'TF_TensorByteSize': (_SIZE, [_POINTER]),
    'TF_TensorType': (_NUMBER, [_POINTER]),
    'TF_NumDims': (_NUMBER, [_POINTER]),
    'TF_Dim': (ctypes.c_int64, [_POINTER, _NUMBER]),
    'TF_StringInit': (None, [_POINTER]),
    'TF_StringCopy': (None, [_POINTER, _TEXT, _SIZE]),
    'TF_StringGetDataPointer': (_POINTER, [_POINTER]),
    'TF_StringGetSize': (_SIZE, [_POINTER]),
}


@functools.cache
def open_library() -> ctypes.CDLL:
    """Return TensorFlow's C library.

    Raises:
        ServableError: if TensorFlow is not installed.
    """
    spec = importlib.util.find_spec('tensorflow')
    if spec is None or not spec.submodule_search_locations:
        raise ServableError(
            'TensorFlow is not installed; its C library is needed to call the model. '
            'Install the package `tensorflow`.'
        )
    folder = pathlib.Path(spec.submodule_search_locations[0])
    # Not RTLD_GLOBAL: if TensorFlow's symbols are global, modules that Python loads later, such as
    # numpy.random, crash.
    ctypes.CDLL(str(folder / 'libtensorflow_framework.so.2'))
    library = ctypes.CDLL(str(folder / 'libtensorflow_cc.so.2'))
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
