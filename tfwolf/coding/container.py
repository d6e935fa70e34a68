"""The file of compressed images: a header, a payload, and a checksum of both.

Layout: 8 bytes that name the format, 2 bytes with its version, 4 bytes with the length of the
header, the header (JSON, compressed by zlib), the payload, and the SHA-256 of everything before it.
Integers are little-endian.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from typing import Any

MAGIC = b'\x93tfwolf\n'
VERSION = 1
PREFIX = struct.Struct('<8sHI')
CHECKSUM_BYTES = hashlib.sha256().digest_size
# A header of more bytes when unpacked is refused.
MAX_HEADER_BYTES = 2**28


def pack(header: dict[str, Any], payload: bytes) -> bytes:
    """Return the content of a file.

    Args:
        header: dict of JSON values.
        payload: any bytes.
    """
    text = json.dumps(header, separators=(',', ':'), sort_keys=True).encode()
    packed = zlib.compress(text, 9)
    content = PREFIX.pack(MAGIC, VERSION, len(packed)) + packed + payload
    return content + hashlib.sha256(content).digest()


def unpack(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header and the payload of `pack`.

    Raises:
        ValueError: if it is no such file, is of another version, incomplete or damaged.
    """
    # A file that was cut or converted as text is a damaged one as long as its first bytes are left.
    if content[: len(MAGIC)] != MAGIC:
        raise ValueError('This is not a file of `tfwolf compress`: it does not begin like one.')
    if len(content) < PREFIX.size + CHECKSUM_BYTES:
        raise ValueError(f'The file is incomplete: it has only {len(content)} bytes.')
    _, version, length = PREFIX.unpack_from(content)
    if version != VERSION:
        raise ValueError(
            f'The file has version {version} of the format, and this program reads version '
            f'{VERSION}. Use the version of tfwolf that wrote it.'
        )
    body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if hashlib.sha256(body).digest() != checksum:
        raise ValueError(
            'The file is damaged or incomplete: its checksum is wrong. Nothing was decoded.'
        )
    start = PREFIX.size
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(body[start : start + length], MAX_HEADER_BYTES)
        header = json.loads(text)
    except (zlib.error, ValueError) as error:
        raise ValueError('The header of the file cannot be read.') from error
    return header, body[start + length :]
