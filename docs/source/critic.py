"""What a critic learns of codes that stand still: how much of the total correlation it sees, step by step.

    python docs/source/critic.py RUN [--lr 1e-3] [--steps 3000] [--batch 64]

Trains FactorVAE's critic as FactorVAE does, on codes drawn from the posteriors of a scored run (`codes.npz`), while encoder and
decoder rest. What it misses here it misses the more while they move.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from tables import markdown
from torch import Tensor
from torch.nn.functional import softplus

from unbraid.codes import CodeTable
from unbraid.nn.critic import critic
from unbraid.objectives.factor import log_density_ratio, permute_latents
from unbraid.randomness import seeded_construction, torch_generator

JUDGED = 8_192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--batch", type=int, default=64)
    given = parser.parse_args()
    torch.set_num_threads(1)
    table = CodeTable.load(given.run / "codes.npz")
    mean, deviation = torch.from_numpy(table.mean), torch.from_numpy(table.variance).sqrt()
    generator = torch_generator(0, "still codes")
    with seeded_construction(0):
        judge = critic(table.latent_dim)
    optimiser = torch.optim.Adam(judge.parameters(), lr=given.lr, betas=(0.5, 0.9), fused=True)

    def draw(n: int) -> Tensor:
        rows = torch.randint(len(mean), (n,), generator=generator)
        return mean[rows] + deviation[rows] * torch.randn(n, mean.shape[1], generator=generator)

    def ratios(n: int) -> tuple[Tensor, Tensor]:
        codes = torch.cat([draw(n), permute_latents(draw(n), generator)])
        drawn, permuted = log_density_ratio(judge, codes).chunk(2)
        return drawn, permuted

    def entropy(drawn: Tensor, permuted: Tensor) -> Tensor:
        return (softplus(-drawn).mean() + softplus(permuted).mean()) / 2

    rows = []
    for step in range(1, given.steps + 1):
        loss = entropy(*ratios(given.batch))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % max(1, given.steps // 6) == 0:
            with torch.no_grad():
                drawn, permuted = ratios(JUDGED)
                right = ((drawn > 0).float().mean() + (permuted < 0).float().mean()) / 2
                rows.append([f"{step:,}", f"{drawn.mean():.2f}", f"{entropy(drawn, permuted):.3f}", f"{right:.3f}"])
                print(rows[-1], flush=True)
    print(f"\n{given.run}, learning rate {given.lr:g}, {given.batch} codes a step\n")
    print(markdown(["step", "total correlation seen", "cross-entropy", "accuracy"], rows))


if __name__ == "__main__":
    main()
