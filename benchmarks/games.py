"""What a step of FactorVAE and of Soft-Intro costs beside a VAE's, and what it has to cost.

    python benchmarks/games.py [--rounds 6]

64 pixels, 64 images a step, Burgess's networks for all, one core; every model a process of its own, in turns. What a step has
to cost counts multiplications: a pass, its gradients of data, and its gradients of weights are one each. Writes
benchmarks/results/games.json.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import torch
from racing import Side, keep, race, ratio, shown, table
from torch.utils.flop_counter import FlopCounterMode

from unbraid.nn.discriminator import discriminator
from unbraid.nn.registry import decoders, encoders

OURS = str(Path(__file__).parent / "ours.py")
LATENTS, SHAPE = 10, (1, 64, 64)
NETWORKS = ("encoder=burgess", "decoder=burgess")
PASSES = {
    "vae": {"encoder": 3, "decoder": 3},
    # and a pass of the second batch's images; the discriminator sees one batch for the others' sake, and one more for its own
    "factor_vae": {"encoder": 4, "decoder": 3, "discriminator": 2 + 1 + 2 * 2},
    # encoder's move: 3 + 2 of images, 1 decoder's for fakes, twice 3 + 2 of its own images;
    # decoder's: gradients of reconstructions and of fakes, twice 2 of the encoder's and 3 of the decoder's
    "soft_intro_vae": {"encoder": 3 + 2 * 3 + 2 * 2, "decoder": 2 + 1 + 2 * 2 + 2 + 2 + 2 * 3},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    rounds = parser.parse_args().rounds
    work = {name: multiplications(passes) for name, passes in PASSES.items()}
    with ExitStack() as stack:
        sides = {name: stack.enter_context(Side([OURS, name, "64", "64", *NETWORKS])) for name in PASSES}
        taken = race(sides, rounds)
    rows = []
    for name in PASSES:
        rows.append(
            [
                f"`{name}`",
                f"{64 / median(taken[name]):,.0f}",
                shown(ratio(taken[name], taken["vae"])),
                shown(work[name] / work["vae"]),
            ]
        )
    print(table(["model", "images a second", "times a VAE's step", "by multiplications"], rows))
    keep("games", {"rows": rows, "seconds": taken})


def multiplications(passes: dict[str, int]) -> float:
    """Of one image."""
    networks = {
        "encoder": (encoders["burgess"].factory(SHAPE, 2 * LATENTS), torch.zeros(1, *SHAPE)),
        "decoder": (decoders["burgess"].factory(LATENTS, SHAPE), torch.zeros(1, LATENTS)),
        "discriminator": (discriminator(LATENTS), torch.zeros(1, LATENTS)),
    }
    total = 0
    for name, number in passes.items():
        network, example = networks[name]
        with FlopCounterMode(display=False) as counted:
            network(example)
        total += number * counted.get_total_flops()
    return total


if __name__ == "__main__":
    main()
