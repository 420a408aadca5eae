"""How much of the total correlation of fixed codes a discriminator learns, and how much there is.

    python docs/source/discriminator.py RUN [--steps 6000] [--lr 1e-4] [--layers 6] [--width 1000] [--batch 64] [--init kaiming]
    python docs/source/discriminator.py RUN --forms     # other forms of it, 1,000 steps each: some three minutes on one core
    python docs/source/discriminator.py RUN --groups    # how much of the total correlation two, three, ... latents have

Trains FactorVAE's discriminator as FactorVAE does, on codes drawn from the posteriors of a scored run (`codes.npz`), with
encoder and decoder fixed. The last row is the optimal discriminator, computed from the posteriors of all scored images.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import log
from pathlib import Path

import torch
from tables import markdown
from torch import Tensor, nn
from torch.nn.functional import softplus

from unbraid.codes import CodeTable
from unbraid.evaluation.stored import read_scores
from unbraid.nn.discriminator import discriminator
from unbraid.objectives.factor import log_density_ratio, permute_latents
from unbraid.randomness import seeded_construction, torch_generator
from unbraid.training.run import METRICS

JUDGED, EXACT, OF_GROUP = 8_192, 1_000, 400
BETAS, ACTIVE = (0.5, 0.9), 0.3


class Codes:
    """Codes of images, drawn from the mixture of their posteriors."""

    def __init__(self, table: CodeTable) -> None:
        self.mean, self.deviation = torch.from_numpy(table.mean), torch.from_numpy(table.variance).sqrt()
        self.generator = torch_generator(0, "still codes")

    def pair(self, n: int) -> Tensor:
        """As many drawn ones, and after them permuted ones."""
        return torch.cat([self.draw(n), permute_latents(self.draw(n), self.generator)])

    def draw(self, n: int) -> Tensor:
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

    def of_latents(self, chosen: list[int]) -> Codes:
        """The codes of some latents alone."""
        made = Codes.__new__(Codes)
        made.mean, made.deviation = self.mean[:, chosen], self.deviation[:, chosen]
        made.generator = torch_generator(0, "still codes")
        return made


class Waves(nn.Module):
    """Codes, and beside them sine and cosine of each latent at 1, 2 and 4 radians per unit."""

    def forward(self, z: Tensor) -> Tensor:
        phases = torch.cat([z, 2 * z, 4 * z], 1)
        return torch.cat([z, phases.sin(), phases.cos()], 1)


@dataclass(frozen=True)
class Form:
    """A discriminator and how it is trained.

    Args:
        layers: hidden ones, of width 256.
        batch: codes of each kind that are new at each step.
        recent: codes of each kind of the steps before that it is shown again; those of the second kind are permuted anew.
        waves: whether it sees sines and cosines of each latent too.
        spectral: whether weights are divided by their largest singular value.
        normed: whether layers are normalized over their units.
        penalty: weight of the squared gradient of the log-ratio with respect to the codes.
    """

    layers: int = 3
    batch: int = 64
    recent: int = 0
    waves: bool = False
    spectral: bool = False
    normed: bool = False
    penalty: float = 0.0

    def network(self, latents: int) -> nn.Module:
        with seeded_construction(0):
            layers = list(discriminator(latents * (7 if self.waves else 1), self.layers, 256))
        if self.spectral:
            for layer in layers:
                if isinstance(layer, nn.Linear):
                    nn.utils.parametrizations.spectral_norm(layer)
        if self.normed:
            layers = [
                one for layer in layers for one in ([nn.LayerNorm(256), layer] if isinstance(layer, nn.LeakyReLU) else [layer])
            ]
        return nn.Sequential(*([Waves()] if self.waves else []), *layers)

    def train(self, codes: Codes, steps: int) -> nn.Module:
        network = self.network(codes.mean.shape[1])
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, betas=BETAS, fused=True)
        size = self.batch + self.recent
        drawn = others = codes.mean[:0]
        for _ in range(steps):
            drawn, others = (
                torch.cat([codes.draw(self.batch), drawn])[:size],
                torch.cat([codes.draw(self.batch), others])[:size],
            )
            shown = torch.cat([drawn, permute_latents(others, codes.generator)]).requires_grad_(self.penalty > 0)
            ratios = log_density_ratio(network, shown)
            loss = entropy(ratios)
            if self.penalty:
                (gradient,) = torch.autograd.grad(ratios.sum(), shown, create_graph=True)
                loss = loss + self.penalty * gradient.square().sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return network


FORMS: Mapping[str, Form] = {
    "six layers": Form(layers=6),
    "three layers": Form(),
    "spectral normalization": Form(spectral=True),
    "gradient penalty 0.01": Form(penalty=0.01),
    "layer normalization": Form(normed=True),
    "448 recent codes": Form(recent=448),
    "256 new codes": Form(batch=256),
    "sines and cosines": Form(waves=True),
    "sines and cosines, 256 new codes": Form(waves=True, batch=256),
}


def forms(codes: Codes, steps: int) -> str:
    rows = []
    for name, form in FORMS.items():
        network = form.train(codes, steps)
        with torch.no_grad():
            rows.append(row(name, log_density_ratio(network, codes.pair(JUDGED))))
        print(rows[-1], flush=True)
    return markdown(["discriminator", "sees, nats", "cross-entropy", "accuracy"], rows)


def groups(codes: Codes, kl: list[float]) -> str:
    """Total correlation of groups of active latents, by their size: the least, the mean and the largest."""
    active = [j for j, value in enumerate(kl) if value > ACTIVE]
    rows = []
    for size in range(2, len(active) + 1):
        found = []
        for chosen in combinations(active, size):
            own = codes.of_latents(list(chosen))
            found.append(float(own.log_ratio(own.draw(OF_GROUP)).mean()))
        rows.append([str(size), str(len(found)), f"{min(found):.2f}", f"{sum(found) / len(found):.2f}", f"{max(found):.2f}"])
    return markdown(["latents", "groups", "least", "mean", "largest"], rows)


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
    parser.add_argument("--forms", action="store_true")
    parser.add_argument("--groups", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    codes = Codes(CodeTable.load(given.run / "codes.npz"))
    if given.groups:
        print(groups(codes, read_scores(given.run / METRICS).kl_per_dim))
        return
    if given.forms:
        print(forms(codes, 1_000))
        return
    with seeded_construction(0):
        network = discriminator(codes.mean.shape[1], given.layers, given.width, given.init)
    optimizer = torch.optim.Adam(network.parameters(), lr=given.lr, betas=BETAS, fused=True)
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
