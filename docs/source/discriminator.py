"""How much of the total correlation of fixed codes a discriminator learns, and how much there is.

    python docs/source/discriminator.py RUN [--steps 6000] [--lr 1e-4] [--layers 6] [--width 1000] [--batch 64] [--init kaiming]

Trains FactorVAE's discriminator as FactorVAE does, on codes drawn from the posteriors of a scored run (`codes.npz`), with
encoder and decoder fixed. The last row is the optimal discriminator, computed from the posteriors of all scored images.
"""

from __future__ import annotations

import argparse
from math import log
from pathlib import Path

import torch
from tables import markdown
from torch import Tensor
from torch.nn.functional import softplus

from unbraid.codes import CodeTable
from unbraid.nn.discriminator import discriminator
from unbraid.objectives.factor import log_density_ratio, permute_latents
from unbraid.randomness import seeded_construction, torch_generator

JUDGED, EXACT = 8_192, 1_000


class Codes:
    """Codes of images, drawn from the mixture of their posteriors."""

    def __init__(self, table: CodeTable) -> None:
        self.mean, self.deviation = torch.from_numpy(table.mean), torch.from_numpy(table.variance).sqrt()
        self.generator = torch_generator(0, "still codes")

    def pair(self, n: int) -> Tensor:
        """As many drawn ones, and after them permuted ones."""
        return torch.cat([self._draw(n), permute_latents(self._draw(n), self.generator)])

    def _draw(self, n: int) -> Tensor:
        rows = torch.randint(len(self.mean), (n,), generator=self.generator)
        return self.mean[rows] + self.deviation[rows] * torch.randn(n, self.mean.shape[1], generator=self.generator)

    def log_ratio(self, codes: Tensor) -> Tensor:
        """log q(z) - sum_j log q(z_j) of the mixture itself."""
        mean, deviation, count = self.mean.double(), self.deviation.double(), log(len(self.mean))
        found = []
        for code in codes.double():
            logs = -0.5 * ((code - mean) / deviation).square() - deviation.log()
            found.append(logs.sum(1).logsumexp(0) - count - (logs.logsumexp(0) - count).sum())
        return torch.stack(found)


def entropy(ratios: Tensor) -> Tensor:
    drawn, permuted = ratios.chunk(2)
    return (softplus(-drawn).mean() + softplus(permuted).mean()) / 2


def row(name: str, ratios: Tensor) -> list[str]:
    drawn, permuted = ratios.chunk(2)
    right = ((drawn > 0).double().mean() + (permuted < 0).double().mean()) / 2
    return [name, f"{drawn.mean():.2f}", f"{entropy(ratios):.3f}", f"{right:.3f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--init", default="kaiming")
    given = parser.parse_args()
    torch.set_num_threads(1)
    codes = Codes(CodeTable.load(given.run / "codes.npz"))
    with seeded_construction(0):
        network = discriminator(codes.mean.shape[1], given.layers, given.width, given.init)
    optimizer = torch.optim.Adam(network.parameters(), lr=given.lr, betas=(0.5, 0.9), fused=True)
    rows = []
    for step in range(1, given.steps + 1):
        loss = entropy(log_density_ratio(network, codes.pair(given.batch)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % max(1, given.steps // 6) == 0:
            with torch.no_grad():
                rows.append(row(f"{step:,}", log_density_ratio(network, codes.pair(JUDGED))))
            print(rows[-1], flush=True)
    rows.append(row("exact", codes.log_ratio(codes.pair(EXACT))))
    print(f"\n{given.run}, {given.layers} layers of {given.width}, learning rate {given.lr:g}\n")
    print(markdown(["step", "total correlation seen, nats", "cross-entropy, nats", "accuracy"], rows))


if __name__ == "__main__":
    main()
