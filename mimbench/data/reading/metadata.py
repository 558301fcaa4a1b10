"""Image files without their metadata: what is left when a text, profile or EXIF block is broken.

Nothing here changes a pixel: only blocks go that no decoder needs.
"""

import struct

__all__ = ["without_metadata"]

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = (b"tRNS",)  # beside the critical chunks, whose names begin with a capital letter
_JPEG_START, _JPEG_SCAN, _JPEG_ADOBE, _JPEG_COMMENT = 0xD8, 0xDA, 0xEE, 0xFE
# Of a TIFF file's tags those that say how its pixels are stored: dimensions, compression, strips,
# tiles, colour and sample format; 274 is the orientation.
# fmt: off
_TIFF_KEPT = frozenset({
    254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322,
    323, 324, 325, 332, 338, 339, 347, 512, 513, 514, 529, 530, 531, 532,
})
# fmt: on
_TIFF_SHORT, _TIFF_ORIENTATION = 3, 274


def without_metadata(data: bytes) -> bytes | None:
    """A PNG, JPEG or TIFF file without its metadata; None for other files, and if it has none."""
    try:
        if data.startswith(_PNG):
            stripped = _png(data)
        elif data.startswith(b"\xff\xd8"):
            stripped = _jpeg(data)
        elif data[:4] in (b"II*\0", b"MM\0*"):
            stripped = _tiff(data)
        else:
            return None
    except (struct.error, IndexError):  # the file ends in the middle of a block
        return None
    return stripped if stripped != data else None


def _png(data: bytes) -> bytes:
    parts, at = [_PNG], len(_PNG)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind[:1].isupper() or kind in _PNG_KEPT:
            parts.append(data[at:end])
        at = end
    return b"".join(parts)


def _jpeg(data: bytes) -> bytes:
    parts, at = [data[:2]], 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _JPEG_SCAN:
            break
        if marker == 0xFF:  # filling
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        application = 0xE0 < marker <= 0xEF and marker != _JPEG_ADOBE
        if not (application or marker == _JPEG_COMMENT):
            parts.append(data[at : at + 2 + length])
        at += 2 + length
        if at >= len(data):
            return data
    return b"".join([*parts, data[at:]])


def _tiff(data: bytes) -> bytes:
    order = "<" if data[:2] == b"II" else ">"
    (first,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, first)
    kept = []
    for k in range(count):
        at = first + 2 + 12 * k
        tag, kind, values = struct.unpack_from(f"{order}HHI", data, at)
        sound = tag != _TIFF_ORIENTATION or (kind, values) == (_TIFF_SHORT, 1)
        if tag in _TIFF_KEPT and sound:
            kept.append(data[at : at + 12])
    directory = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + bytes(4)
    return data[:first] + directory + data[first + len(directory) :]
