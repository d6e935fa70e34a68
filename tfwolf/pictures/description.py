"""What a picture shows and was made from, stored in the file itself: one field of JSON.

PNG has it in the text chunk `Description`, PDF in `Subject` and SVG in `dc:description`, which name
the same field; GIF has it as its comment, and WebP in the EXIF field `ImageDescription`.
"""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree
from collections.abc import Mapping
from typing import Any

PNG_KEY, PDF_KEY, SVG_KEY = 'Description', 'Subject', 'Description'
# The number of `ImageDescription`.
_EXIF_KEY = 0x010E
_IN_SVG = '{http://purl.org/dc/elements/1.1/}description'


def as_text(about: Mapping[str, Any]) -> str:
    """Return JSON of ASCII letters on one line; the same values give the same text."""
    return json.dumps(about, sort_keys=True)


def in_exif(text: str) -> bytes:
    """Return the EXIF data of a file whose description is an ASCII text; b'' for no text."""
    from PIL import Image

    if not text:
        return b''
    exif = Image.Exif()
    exif[_EXIF_KEY] = text
    return exif.tobytes()


def read_description(path: str | os.PathLike) -> dict[str, Any]:
    """Return what a picture says that it was made from: checkpoint, seed, settings and versions.

    Args:
        path: of a `.png`, `.pdf`, `.svg`, `.gif` or `.webp` file.

    Raises:
        ValueError: if the file has another extension, or was not written by this library.
    """
    read = {
        '.png': _of_png,
        '.pdf': _of_pdf,
        '.svg': _of_svg,
        '.gif': _of_gif,
        '.webp': _of_webp,
    }
    ending = os.path.splitext(path)[1].lower()
    if ending not in read:
        raise ValueError(f'`path` must end in {", ".join(read)}; got {os.fspath(path)!r}.')
    try:
        found = json.loads(read[ending](path))
    except (ValueError, SyntaxError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f'{os.fspath(path)} has no description of what it was made from.')
    return found


def _of_png(path: str | os.PathLike) -> str:
    from PIL import Image

    with Image.open(path) as picture:
        return str(picture.info.get(PNG_KEY, ''))


def _of_gif(path: str | os.PathLike) -> str:
    from PIL import Image

    with Image.open(path) as picture:
        return picture.info.get('comment', b'').decode('ascii', 'replace')


def _of_webp(path: str | os.PathLike) -> str:
    from PIL import Image

    with Image.open(path) as picture:
        return str(picture.getexif().get(_EXIF_KEY, ''))


def _of_pdf(path: str | os.PathLike) -> str:
    from PIL.PdfParser import PdfParser

    with PdfParser(os.fspath(path)) as parser:
        # Keys and texts are bytes; ours are ASCII.
        return ((parser.info or {}).get(PDF_KEY.encode()) or b'').decode('ascii', 'replace')


def _of_svg(path: str | os.PathLike) -> str:
    return xml.etree.ElementTree.parse(path).getroot().findtext(f'.//{_IN_SVG}', '')
