"""NumPy arrays as tensors of TensorFlow's C library, and back."""

from __future__ import annotations

import ctypes

import numpy as np

from .servable_error import ServableError
from .signature_defs import DTYPES, TensorInfo

STRING = 7
STRING_BYTES = 24


def checked_array(
    name: str, array: np.ndarray, info: TensorInfo, check_shape: bool = True
) -> np.ndarray:
    """Return an array in the type that a signature declares.

    Args:
        name: name of the input, for messages.
        array: the array; bytes as an array of objects or strings.
        info: what the signature declares.
        check_shape: whether to check the shape, too.

    Raises:
        ServableError: if the type or the shape is wrong.
    """
    wanted = np.dtype(info.dtype)
    is_bytes = wanted == np.object_
    if is_bytes and array.dtype.kind in 'SUO':
        array = array.astype(np.object_)
    if array.dtype != wanted:
        raise ServableError(
            f'`{name}` must be {"bytes" if is_bytes else wanted.name}; got {array.dtype.name}.'
        )
    if check_shape and (
        array.ndim != len(info.shape)
        or any(size not in (None, found) for size, found in zip(info.shape, array.shape))
    ):
        shape = ', '.join('any' if size is None else str(size) for size in info.shape)
        raise ServableError(f'`{name}` must have the shape [{shape}]; got {list(array.shape)}.')
    return array


def to_tensor(library: ctypes.CDLL, name: str, array: np.ndarray) -> int:
    """Return a new `TF_Tensor` with the values of an array; the caller deletes it.

    Args:
        library: TensorFlow's C library.
        name: name of the input, for messages.
        array: an array of a type of `DTYPES`.

    Raises:
        ServableError: if an array of objects holds anything but bytes and strings.
    """
    is_bytes = array.dtype == np.object_
    values = (
        [value.encode() if isinstance(value, str) else value for value in array.ravel()]
        if is_bytes
        else []
    )
    for value in values:
        if not isinstance(value, bytes):
            raise ServableError(f'`{name}` must be bytes; got {type(value).__name__}.')
    dtype = next(number for number, kind in DTYPES.items() if array.dtype == kind)
    size = array.size * (STRING_BYTES if is_bytes else array.itemsize)
    tensor = library.TF_AllocateTensor(
        dtype, (ctypes.c_int64 * array.ndim)(*array.shape), array.ndim, size
    )
    data = library.TF_TensorData(tensor)
    if not is_bytes:
        ctypes.memmove(data, np.ascontiguousarray(array).ctypes.data, size)
        return tensor
    for index, value in enumerate(values):
        library.TF_StringInit(data + index * STRING_BYTES)
        library.TF_StringCopy(data + index * STRING_BYTES, value, len(value))
    return tensor


def to_array(library: ctypes.CDLL, tensor: int) -> np.ndarray:
    """Return an array with the values of a `TF_Tensor`; bytes as an array of objects."""
    shape = [library.TF_Dim(tensor, axis) for axis in range(library.TF_NumDims(tensor))]
    dtype, data = library.TF_TensorType(tensor), library.TF_TensorData(tensor)
    if dtype != STRING:
        content = ctypes.string_at(data, library.TF_TensorByteSize(tensor))
        return np.frombuffer(content, DTYPES[dtype]).reshape(shape).copy()
    places = (data + index * STRING_BYTES for index in range(int(np.prod(shape))))
    values = [
        ctypes.string_at(library.TF_StringGetDataPointer(place), library.TF_StringGetSize(place))
        for place in places
    ]
    return np.array(values, np.object_).reshape(shape)
