"""Names and shapes of the tensors of a checkpoint, read from its index without TensorFlow.

The index is a sorted table of LevelDB whose values are messages of protocol buffers, the name of a
tensor each with its type, shape and place.

Reference: `tensorflow/core/util/tensor_bundle` and `tensorflow/core/protobuf/tensor_bundle.proto`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

FOOTER, MAGIC = 48, 0xDB4775248B80FB57
# Fields of the messages BundleEntryProto, TensorShapeProto and its Dim.
SHAPE, DIM, SIZE = 2, 2, 1
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5


def shapes_of(path: str) -> dict[str, tuple[int, ...]]:
    """Return `{name: shape}` of the tensors of a checkpoint.

    Args:
        path: of the checkpoint, without extension.

    Raises:
        ValueError: if the index is not one, or is compressed, which TensorFlow does not do.
        OSError: if it cannot be read.
    """
    file = f'{os.fspath(path)}.index'
    with open(file, 'rb') as opened:
        data = opened.read()
    try:
        if struct.unpack('<Q', data[-8:])[0] != MAGIC:
            raise ValueError('it does not end as one')
        footer = data[-FOOTER:]
        place = _skip_handle(footer, 0)
        found = {}
        for _, handle in _entries(_block(data, *_handle(footer, place))):
            for name, value in _entries(_block(data, *_handle(handle, 0))):
                # The first entry, without a name, is of the whole checkpoint.
                if name:
                    found[name.decode()] = _shape(value)
    except (IndexError, ValueError, struct.error) as error:
        raise ValueError(f'{file} is not the index of a checkpoint: {error}.') from error
    return found


def _handle(data: bytes, place: int) -> tuple[int, int]:
    """Return (offset, size) of the block that a handle at a place points to."""
    offset, place = _varint(data, place)
    return offset, _varint(data, place)[0]


def _skip_handle(data: bytes, place: int) -> int:
    return _varint(data, _varint(data, place)[1])[1]


def _block(data: bytes, offset: int, size: int) -> bytes:
    if data[offset + size] != 0:
        raise ValueError('it is compressed')
    return data[offset : offset + size]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values; a key is stored without what it shares with the key before it."""
    (num_restarts,) = struct.unpack('<I', block[-4:])
    end, place, key = len(block) - 4 - 4 * num_restarts, 0, b''
    while place < end:
        shared, place = _varint(block, place)
        own, place = _varint(block, place)
        size, place = _varint(block, place)
        key = key[:shared] + block[place : place + own]
        place += own
        yield key, block[place : place + size]
        place += size


def _shape(entry: bytes) -> tuple[int, ...]:
    """Return the shape in a BundleEntryProto."""
    dims = [dim for shape in _messages(entry, SHAPE) for dim in _messages(shape, DIM)]
    # A size of 0 is not stored.
    sizes = [[value for field, value in _fields(dim) if field == SIZE] for dim in dims]
    return tuple(int(found[-1]) if found else 0 for found in sizes)


def _messages(message: bytes, number: int) -> list[bytes]:
    """Return the fields of a number that are messages themselves."""
    return [
        value for field, value in _fields(message) if field == number and isinstance(value, bytes)
    ]


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (number, value) of the fields of a message."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, place = _varint(message, place)
        elif kind == BYTES:
            size, place = _varint(message, place)
            value, place = message[place : place + size], place + size
        elif kind in (FIXED_32, FIXED_64):
            size = 4 if kind == FIXED_32 else 8
            value, place = message[place : place + size], place + size
        else:
            raise ValueError(f'a message has a field of kind {kind}')
        yield number, value


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return an integer of 7 bits per byte, and the place behind it."""
    value, shift = 0, 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
