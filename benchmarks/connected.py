"""Fully connected networks on 64 x 64 pixels: images a second, and the share of the machine's matrix product that they reach.

    python benchmarks/connected.py [--rounds 5]

One core; every case and each product a process of its own, in turns. Writes benchmarks/results/connected.json.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from racing import Side, keep, race, table, take_turns

HERE = Path(__file__).parent
CASES = {
    f"{model}, {batch:,} a step, {precision}": (model, batch, precision)
    for model, batch, precision in (
        ("vae", 256, "float32"),
        ("vae", 2_048, "float32"),
        ("beta_tcvae", 2_048, "float32"),
        ("vae", 256, "bfloat16"),
        ("vae", 2_048, "bfloat16"),
        ("vae", 8_192, "bfloat16"),
        ("beta_tcvae", 2_048, "bfloat16"),
    )
}
PIXELS, WIDTH, LATENTS = 64 * 64, 1_200, 10
WEIGHTS = PIXELS * WIDTH + WIDTH**2 + WIDTH * 2 * LATENTS + LATENTS * WIDTH + 2 * WIDTH**2 + WIDTH * PIXELS
FLOPS = 2 * (3 * WEIGHTS - PIXELS * WIDTH)
"""Multiplications and additions for an image: forward, and back to weights and inputs, but for the gradient of the image."""
PRODUCT = 2_048
HEAD = ["case", "images/s", "product, GFLOP/s", "share"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    networks = ["encoder=mlp", "decoder=mlp"]
    sides = {
        name: Side([str(HERE / "ours.py"), model, "64", str(batch), *networks, f"precision={precision}"])
        for name, (model, batch, precision) in CASES.items()
    }
    sides |= {precision: Side([__file__, precision]) for precision in ("float32", "bfloat16")}
    with ExitStack() as stack:
        taken = race({name: stack.enter_context(side) for name, side in sides.items()}, rounds)
    rows = []
    for name, (_, batch, precision) in CASES.items():
        speed = batch / median(taken[name])
        product = 2 * PRODUCT**3 / median(taken[precision])
        rows.append([name, f"{speed:,.0f}", f"{product / 1e9:.0f}", f"{100 * speed * FLOPS / product:.0f} %"])
    print(table(HEAD, rows))
    keep("connected", {"operations an image": FLOPS, "head": HEAD, "rows": rows, "seconds": taken})


def product(precision: str) -> None:
    import torch

    a = torch.rand(PRODUCT, PRODUCT, dtype=getattr(torch, precision))
    take_turns(lambda amount: [a @ a for _ in range(amount)])


if __name__ == "__main__":
    product(sys.argv[1]) if sys.argv[1:2] in (["float32"], ["bfloat16"]) else main()
