"""An image as a data URL, which contains the whole image: pages and drawings need no network."""

import base64
import io

import numpy as np
from PIL import Image

SMALL = 64  # pixels: such an image stays as it is


def address(image: np.ndarray, longest: int = 192) -> str:
    """Returns an image as a data URL; a large image becomes a thumbnail.

    Args:
      image: ``uint8[H, W, C]``; where C is not 3, the first channel is shown.
      longest: pixels of the longer side of a thumbnail.
    """
    made = Image.fromarray(image if image.shape[-1] == 3 else image[..., 0])
    kind, how = "png", {}
    if max(made.size) > SMALL:
        kind, how = "jpeg", {"quality": 85}
        made.thumbnail((longest, longest))
    file = io.BytesIO()
    made.save(file, kind.upper(), **how)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
