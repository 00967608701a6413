"""The number of pixels above which an image file is refused.

A file of a few bytes may say that it has millions of pixels, so that its decoding needs all memory.
Pillow's own limit refuses photographs of a 200-megapixel camera.
"""

import contextlib
import threading
from collections.abc import Iterator

from PIL import Image

MOST_PIXELS = 2**29

_lock = threading.Lock()
_users = 0  # threads that decode at the moment
_before: int | None = None  # Pillow's own limit


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Lets Pillow open files of up to :data:`MOST_PIXELS` while it lasts, in all threads.

    Pillow has one limit for the whole process. The first thread that enters raises it, and the last
    one that leaves restores it, so that other users of Pillow keep theirs. A limit that is already
    higher is left as it is.
    """
    global _users, _before
    with _lock:
        if not _users:
            _before = Image.MAX_IMAGE_PIXELS
            if _before is not None:  # Pillow refuses files of more than twice its limit
                Image.MAX_IMAGE_PIXELS = max(_before, MOST_PIXELS // 2)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                Image.MAX_IMAGE_PIXELS = _before
