"""Code for a student's card that converts a photograph to the student's input, with Pillow and
NumPy alone.

It gives the same pixels as :mod:`amkd.data.decoding` for image files of eight bits per colour, and
refuses others.
"""

from typing import Any

from amkd.data import pixel_limit
from amkd.data.decoding import TURNS

_START = '''\
import math
import numpy as np
from PIL import Image  # pip install pillow

SIDE = {side}
Image.MAX_IMAGE_PIXELS = {most} // 2  # Pillow refuses files of more than twice this number
TURNS = {turns}  # orientation of the camera to Image.Transpose

def image_of(path):
    """Returns a photograph as the student's input, uint8[{side}, {side}, {channels}]."""
    with Image.open(path) as photo:
        stored = photo.size
        # A JPEG file is decoded at no more than about twice the size that is needed.
        share = min(1.0, 2 * SIDE / {deciding}(stored))
        wanted = tuple(max(1, round(length * share)) for length in stored)
        drafted = photo.draft(None, wanted)
        scale = round(stored[0] / drafted[1][2]) if drafted else 1
        photo.load()
        if photo.mode[0] in "IF":
            raise ValueError(f"{{path}} has more than 8 bits per colour: save it with 8 bits")
        orientation = photo.getexif().get(0x0112, 1)
        whole = photo.size if scale == 1 else stored
        if photo.has_transparency_data:
            layer = photo.convert("RGBA")
            white = Image.new("RGBA", layer.size, "white")
            photo = Image.alpha_composite(white, layer)
        photo = photo.convert("{mode}")
'''
_END = """\
    left, top, right, bottom = (edge / scale for edge in box)
    x, y = math.floor(left), math.floor(top)
    part = photo.crop((x, y, math.ceil(right), math.ceil(bottom)))
    inside = (left - x, top - y, right - x, bottom - y)
    photo = part.resize(size, Image.Resampling.BILINEAR, inside)
    if orientation in TURNS:
        photo = photo.transpose(TURNS[orientation])
"""
_FITS = {
    "crop": """\
    side = min(whole)  # the middle square
    left, top = ((length - side) // 2 for length in whole)
    box, size = (left, top, left + side, top + side), (SIDE, SIDE)
""",
    "stretch": """\
    box, size = (0, 0, *whole), (SIDE, SIDE)  # the whole image; its proportions may change
""",
    "pad": """\
    longer = max(whole)  # the whole image, with its proportions
    size = tuple(max(1, round(length * SIDE / longer)) for length in whole)
    box = (0, 0, *whole)
""",
}
_RESULTS = {
    "pad": """\
    square = Image.new("{mode}", (SIDE, SIDE))  # a black background
    square.paste(photo, tuple((SIDE - length) // 2 for length in photo.size))
    return np.asarray(square).reshape(SIDE, SIDE, {channels})
"""
}
_RESULT = "    return np.asarray(photo).reshape(SIDE, SIDE, {channels})\n"


def code(card: dict[str, Any]) -> str:
    """Returns Python code with the function ``image_of``; empty if a student takes no photographs.

    Args:
      card: the student's card; its ``shape`` and ``pictures`` describe the input.
    """
    height, width, channels = card["shape"]
    kind = (card.get("pictures") or {}).get("resize")
    if height != width or channels not in (1, 3) or kind not in _FITS:
        return ""
    whole = _START + _FITS[kind] + _END + _RESULTS.get(kind, _RESULT)
    return whole.format(
        side=height,
        turns={number: int(turn) for number, turn in TURNS.items()},
        most=pixel_limit.MOST_PIXELS,
        channels=channels,
        mode="RGB" if channels == 3 else "L",
        deciding="max" if kind == "pad" else "min",
    )
