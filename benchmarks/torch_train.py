"""The training loop that a user of PyTorch would write for soft answers to mixed images."""

import itertools
import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import torch_networks
from benchmarks.recipe import Recipe
from benchmarks.torch_side import TorchSide


class TorchTrain(TorchSide):
    """A network in training on mixes of real images; runs in a worker process.

    The mixes are ready as floats on the device, or are mixed from the real images for each batch.
    """

    def setup(
        self,
        model: str,
        classes: int,
        images: np.ndarray,
        *,
        variables: torch_networks.Flax,
        records: tuple[np.ndarray, np.ndarray, np.ndarray],
        mixes: np.ndarray,
        answers: np.ndarray,
    ) -> None:
        """Sets the network and its training set.

        Args:
          model: name of the network.
          classes: number of classes Y.
          images: ``uint8[N, H, W, C]``, the real images.
          variables: the initial variables of every training.
          records: ``int[Q]`` i and j, and ``float32[Q]`` lambda.
          mixes: ``uint8[Q, H, W, C]``, the same records mixed.
          answers: ``float32[Q, Y]``.
        """
        self.build(model, classes, images.shape[1:], variables=variables)
        self.variables = variables
        self.real, self.ready = (self.to_unit(images) * 255).round(), self.to_unit(mixes)
        self.i, self.j, self.lam = (torch.from_numpy(column).to(self.device) for column in records)
        self.answers = torch.from_numpy(answers).to(self.device)

    def restart(
        self,
        recipe: Recipe,
        *,
        feed: str = "ready",
        variant: str = "eager",
        fused: bool = False,
        dropout: bool = True,
    ) -> None:
        """Resets the network to the initial weights of every training, and sets how it is fed, run
        and updated.
        """
        torch_networks.load(self.network, self.variables)
        self.choose_variant(variant)
        self.network.train()
        for module in self.network.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.5 if dropout else 0.0
        self.recipe, self.feed = recipe, feed
        self.choose_precision(recipe.precision)
        margin = 4 * (recipe.crop,)
        self.padded = functional.pad(self.ready if feed == "ready" else self.real, margin)
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        self.padded = self.padded.contiguous(memory_format=layout)
        weights = self.network.parameters()
        if recipe.optimizer == "adamw":
            self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(
                weights, weight_decay=recipe.weight_decay, fused=fused
            )
        else:
            self.optimizer = torch.optim.SGD(
                weights,
                lr=0.1,
                momentum=recipe.momentum,
                weight_decay=recipe.weight_decay,
                fused=fused,
            )

    def losses(self, batches: np.ndarray, rate: float) -> list[float]:
        """Returns the losses of steps on batches ``int[S, B]``, at one rate."""
        index = torch.from_numpy(batches.astype(np.int64)).to(self.device)
        return [float(self._step(batch, rate)) for batch in index]

    def epochs(self, seconds: float, rate: float, least: int = 1) -> tuple[int, float]:
        """Trains whole epochs for about ``seconds`` seconds; returns the number of images trained
        on, and the seconds that they took.

        The first three batches are not timed.
        """
        count = len(self.answers)
        self._epoch(torch.arange(3 * self.recipe.batch, device=self.device) % count, rate)
        began = time.perf_counter()
        for done in itertools.count(1):  # pragma: no branch
            self._epoch(torch.randperm(count, device=self.device), rate)
            if done >= least and time.perf_counter() - began >= seconds:
                break
        return done * count, time.perf_counter() - began

    def tune(
        self, recipe: Recipe, seconds: float, rate: float
    ) -> list[tuple[str, str, bool, float]]:
        """Returns images per second of every combination of feeding, running and updating the
        network, the fastest first; this one is used from then on.
        """
        found = []
        for feed, variant, fused in itertools.product(
            ("ready", "mixed"), self.variants(), (False, True)
        ):
            self.restart(recipe, feed=feed, variant=variant, fused=fused)
            images, took = self._some(seconds, rate)
            found.append((feed, variant, fused, images / took))
        found.sort(key=lambda one: -one[3])
        feed, variant, fused, _ = found[0]
        self.restart(recipe, feed=feed, variant=variant, fused=fused)
        return found

    def _some(self, seconds: float, rate: float) -> tuple[int, float]:
        """Does steps for about ``seconds`` seconds, because an epoch of a large network is too long
        to try every combination.
        """
        batch = torch.arange(self.recipe.batch, device=self.device)
        self._epoch(batch.repeat(2), rate)
        began, done = time.perf_counter(), 0
        while done == 0 or time.perf_counter() - began < seconds:
            self._epoch(batch, rate)
            done += len(batch)
        return done, time.perf_counter() - began

    def _epoch(self, order: Tensor, rate: float) -> float:
        """Trains for one pass in the given order; returns the mean loss, and waits for the device
        once.
        """
        total = torch.zeros((), device=self.device)
        for index in order.split(self.recipe.batch):
            total += self._step(index, rate) * len(index)
        return float(total) / len(order)

    def _step(self, index: Tensor, rate: float) -> Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = self._batch(index)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.halved):
            logits = self.run(batch)
        loss = functional.cross_entropy(logits.float(), self.answers[index])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _batch(self, index: Tensor) -> Tensor:
        """Returns the records' mixes, augmented: ``[B, C, H, W]``."""
        if self.feed == "ready":
            return self._pixels(index, *self._shift(len(index)))
        shift = self._shift(len(index))
        lam = self.lam[index][:, None, None, None]
        mixed = torch.lerp(
            self._pixels(self.j[index], *shift), self._pixels(self.i[index], *shift), lam
        )
        return mixed.round() / 255  # to 8 bits, ties to even

    def _shift(self, count: int) -> tuple[Tensor, Tensor] | tuple[None, None]:
        """Returns rows ``[B, H]`` and columns ``[B, W]`` of the padded images to read: a random
        crop and flip.
        """
        margin, (height, width) = self.recipe.crop, self.shape[:2]
        if not margin and not self.recipe.flip:
            return None, None
        offset = torch.randint(0, 2 * margin + 1, (2, count, 1), device=self.device)
        columns = torch.arange(width, device=self.device).expand(count, width)
        if self.recipe.flip:
            mirror = torch.rand(count, 1, device=self.device) < 0.5
            columns = torch.where(mirror, width - 1 - columns, columns)
        return offset[0] + torch.arange(height, device=self.device), offset[1] + columns

    def _pixels(self, index: Tensor, rows: Tensor | None, columns: Tensor | None) -> Tensor:
        if rows is None or columns is None:
            return self.padded[index]
        found = self.padded[index[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(
            0, 3, 1, 2
        )
        return found if self.channels_last else found.contiguous()
