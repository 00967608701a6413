"""Makes a folder of 400 images of digits, to try amkd without images of your own."""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

Path("pictures").mkdir(exist_ok=True)
for number, image in enumerate(load_digits().images[:400]):
    Image.fromarray(np.uint8(image * 255 / 16)).resize((32, 32)).save(f"pictures/{number:03d}.png")
