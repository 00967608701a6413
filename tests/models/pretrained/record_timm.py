"""Writes timm_logits.json: what timm answers with the random weights of the tests.

Needs torch and timm: ``python -m tests.models.pretrained.record_timm``.
"""

import json
from pathlib import Path

import numpy as np

from amkd import models
from tests.support import timm_weights

FILE = Path(__file__).with_name("timm_logits.json")


def timm_network(name, side):
    """Returns timm's network with random weights, and these."""
    import timm
    import torch

    entry = models.MODELS[name]
    sized = {"img_size": side} if name.startswith("vit") else {}
    network = timm.create_model(entry.timm, num_classes=timm_weights.CLASSES, **sized).eval()
    values = timm_weights.arrays({key: tuple(v.shape) for key, v in network.state_dict().items()})
    tensors = {key: torch.from_numpy(value) for key, value in values.items()}
    missing = network.load_state_dict(tensors, strict=False)
    assert not missing.unexpected_keys
    assert all(key.endswith("num_batches_tracked") for key in missing.missing_keys)
    return network, values


def timm_logits(network, own, images):
    """Returns timm's logits of ``uint8[B, H, W, 3]``, normalised as our network does."""
    import torch

    mean, std = np.array(own.mean, np.float32), np.array(own.std, np.float32)
    pixels = ((images / np.float32(255) - mean) / std).astype(np.float32)
    with torch.no_grad():
        return network(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())).numpy()


def main():
    import timm
    import torch

    found = {}
    for name, entry in models.MODELS.items():
        if entry.timm:
            side = timm_weights.side_of(name)
            own = models.build(name, timm_weights.CLASSES, (side, side, 3))
            network, _ = timm_network(name, side)
            logits = timm_logits(network, own, timm_weights.images(side))
            found[name] = np.round(logits.astype(float), 6).tolist()
    about = f"timm {timm.__version__}, torch {torch.__version__}"
    FILE.write_text(json.dumps({"made by": about, "logits": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
