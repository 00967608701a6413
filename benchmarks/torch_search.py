"""The search that a user of PyTorch would write: mix images by broadcasting, evaluate, keep the k
lowest.
"""

import time
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from benchmarks import torch_networks
from benchmarks.torch_side import COMPILED, TorchSide

# Numbers of pairs that are evaluated together; the fastest one is determined.
BLOCKS = tuple(2**power for power in range(15))
MERGE = 4096  # pairs between two merges of the lowest, so that merges do not slow small blocks


class TorchSearch(TorchSide):
    """C2 of the pairs of real images; runs in a worker process."""

    def setup(
        self,
        model: str,
        classes: int,
        images: np.ndarray,
        *,
        variables: torch_networks.Flax,
        lams: np.ndarray,
    ) -> None:
        """Sets the network, the images ``uint8[N, H, W, C]``, which are kept as floats, and the
        grid ``float32[L]``.
        """
        self.build(model, classes, images.shape[1:], variables=variables)
        self.network.eval()
        self.images = self.to_unit(images)
        self.lams = torch.from_numpy(lams).to(self.device)
        self.pairs = torch.triu_indices(len(images), len(images), 1, device=self.device)
        self.choose("eager", 64)

    def choose(self, variant: str, block: int) -> None:
        """Sets how the network is run, and the number of pairs that are evaluated together."""
        self.choose_variant(variant)
        # The pixels are in the order in which the network reads them: no mix is transposed.
        pixels = self.images.permute(0, 2, 3, 1) if self.channels_last else self.images
        self.flat = pixels.reshape(len(pixels), -1).contiguous()
        self.block = block

    def confidence(self, i: Tensor, j: Tensor) -> Tensor:
        """Returns C1 of every mix of the pairs: ``[P, L]``."""
        mixed = torch.lerp(self.flat[j][:, None], self.flat[i][:, None], self.lams[None, :, None])
        height, width, channels = self.shape
        if self.channels_last:
            x = mixed.reshape(-1, height, width, channels).permute(0, 3, 1, 2)
        else:
            x = mixed.reshape(-1, channels, height, width)
        return self.run(x).softmax(1).amax(1).reshape(len(i), -1)

    def scores(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Returns C1 of every mix of the pairs, ``float32[P, L]``."""
        sides = [torch.from_numpy(side).to(self.device).split(self.block) for side in (i, j)]
        with torch.inference_mode():
            return (
                torch.cat([self.confidence(*part) for part in zip(*sides, strict=True)])
                .cpu()
                .numpy()
            )

    def scan(self, seconds: float, k: int) -> tuple[int, float]:
        """Scores the pool for about ``seconds`` seconds and keeps the k lowest.

        The first block is not timed: it may be compiled, and the other side has used the caches.

        Returns:
          The number of scored pairs, and the seconds that they took.
        """
        with torch.inference_mode():
            kept = self._nothing(k)
            waiting: list[tuple[Tensor, Tensor, Tensor]] = []
            done, start, total = 0, 0, self.pairs.shape[1]
            self._score(0)
            self.wait()
            began = time.perf_counter()
            while done == 0 or time.perf_counter() - began < seconds:
                waiting.append(self._score(start))
                done += len(waiting[-1][0])
                start = start + self.block if start + 2 * self.block <= total else 0
                if len(waiting) * self.block >= MERGE:
                    kept, waiting = _lowest([kept, *waiting], k), []
            _lowest([kept, *waiting], k)
            self.wait()
        return done, time.perf_counter() - began

    def search_all(self, k: int) -> tuple[np.ndarray, float]:
        """Returns the k lowest scores of the whole pool by the simplest method, which keeps every
        score, and the seconds it took.
        """
        began = time.perf_counter()
        with torch.inference_mode():
            scores = torch.empty(self.pairs.shape[1], device=self.device)
            for start in range(0, len(scores), self.block):
                part = self._score(start)[0]
                scores[start : start + len(part)] = part
            lowest = scores.topk(k, largest=False).values.cpu().numpy()
        return lowest, time.perf_counter() - began

    def _score(self, start: int) -> tuple[Tensor, Tensor, Tensor]:
        i, j = self.pairs[:, start : start + self.block]
        score, lam = self.confidence(i, j).min(1)
        return score, torch.arange(start, start + len(i), device=self.device), lam

    def _nothing(self, k: int) -> tuple[Tensor, Tensor, Tensor]:
        place = torch.zeros(k, dtype=torch.int64, device=self.device)
        return torch.full((k,), float("inf"), device=self.device), place, place

    def tune(self, seconds: float, k: int) -> list[tuple[str, int, float]]:
        """Returns pairs per second of every variant of the network and every block that fits, the
        fastest first.

        Compilation takes long, so a compiled network is only tried with the two blocks that are
        best without compilation. The three fastest of all are measured again, for three times as
        long, before they are ranked. The fastest is used from then on.
        """
        found: list[tuple[str, int, float]] = []
        for variant in self.variants():
            plain = [way for way in found if way[0] == COMPILED.get(variant)]
            blocks = [block for _, block, _ in _fastest(plain, 2)] if plain else BLOCKS
            found += self._blocks(variant, blocks, seconds=seconds, k=k)
        again = []
        for variant, block, _ in _fastest(found, 3):
            self.choose(variant, block)
            done, took = self.scan(3 * seconds, k)
            again.append((variant, block, done / took))
        again = _fastest(again, 3)
        self.choose(*again[0][:2])
        return again

    def _blocks(
        self, variant: str, blocks: Iterable[int], *, seconds: float, k: int
    ) -> list[tuple[str, int, float]]:
        """Tries one variant with every block, until a block takes more than the given time or more
        than the available memory.
        """
        found = []
        for block in blocks:
            if block > self.pairs.shape[1]:
                break
            try:
                self.choose(variant, block)
                done, took = self.scan(seconds, k)
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                break
            found.append((variant, block, done / took))
            if done == block and took > 2 * seconds:
                break
        return found


def _fastest(ways: list[tuple[str, int, float]], count: int) -> list[tuple[str, int, float]]:
    return sorted(ways, key=lambda way: -way[2])[:count]


def _lowest(parts: list[tuple[Tensor, Tensor, Tensor]], k: int) -> tuple[Tensor, Tensor, Tensor]:
    score, place, lam = (torch.cat(column) for column in zip(*parts, strict=True))
    score, order = score.topk(k, largest=False)
    return score, place[order], lam[order]
