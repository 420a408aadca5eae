"""Steps as a user of PyTorch writes them, to compare with: default layout, Adam and allocator, images already a tensor.

python benchmarks/plain.py MODEL SIZE BATCH    works in turns (racing.py)
"""

from __future__ import annotations

import sys
from itertools import pairwise

import torch
from racing import take_turns
from torch import nn
from torch.nn import functional

LATENTS = 10


def burgess(size):
    depth = {32: 2, 64: 3}[size]
    down = [nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU()]
    up = [nn.ConvTranspose2d(32, 1, 4, 2, 1)]
    for _ in range(depth):
        down += [nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU()]
        up = [nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU(), *up]
    hidden = [nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]
    encoder = nn.Sequential(*down, nn.Flatten(), *hidden, nn.Linear(256, 2 * LATENTS))
    hidden = [nn.Linear(LATENTS, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU()]
    return encoder, nn.Sequential(*hidden, nn.Unflatten(1, (32, 4, 4)), *up)


class Broadcast(nn.Module):
    def __init__(self, size):
        super().__init__()
        y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
        self.register_buffer("grid", torch.stack([x, y])[None])

    def forward(self, z):
        tiled = z[:, :, None, None].expand(-1, -1, *self.grid.shape[2:])
        return torch.cat([tiled, self.grid.expand(len(z), -1, -1, -1)], 1)


def broadcast(size):
    encoder = []
    channels = 1
    side = size
    while side > 4 or channels == 1:
        encoder += [nn.Conv2d(channels, 64, 4, 2, 1), nn.ReLU()]
        channels, side = 64, side // 2
    encoder += [nn.Flatten(), nn.Linear(64 * side * side, 256), nn.ReLU(), nn.Linear(256, 2 * LATENTS)]
    layers = [nn.Conv2d(LATENTS + 2, 64, 4, padding="same"), nn.ReLU(), nn.Conv2d(64, 64, 4, padding="same"), nn.ReLU()]
    return nn.Sequential(*encoder), nn.Sequential(Broadcast(size), *layers, nn.Conv2d(64, 1, 4, padding="same"))


def draw(encoder, images):
    mean, logvar = encoder(images).chunk(2, 1)
    return mean, logvar, mean + (logvar / 2).exp() * torch.randn_like(mean)


def bound(encoder, decoder, images, beta=1.0):
    mean, logvar, z = draw(encoder, images)
    nll = functional.binary_cross_entropy_with_logits(decoder(z), images, reduction="sum") / len(images)
    return nll + beta * 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum() / len(images), z


def vae(size, batch, networks=burgess):
    encoder, decoder = networks(size)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-4)
    images = (torch.rand(batch, 1, size, size) < 0.1).float()

    def step():
        loss, _ = bound(encoder, decoder, images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def factor_vae(size, batch):
    encoder, decoder = burgess(size)
    widths = [LATENTS, *[1000] * 6]
    layers = [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
    discriminator = nn.Sequential(*layers, nn.Linear(1000, 2))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-4)
    of_discriminator = torch.optim.Adam(discriminator.parameters(), lr=1e-4, betas=(0.5, 0.9))
    images, others = ((torch.rand(batch, 1, size, size) < 0.1).float() for _ in range(2))
    labels = torch.arange(2).repeat_interleave(batch)

    def step():
        loss, z = bound(encoder, decoder, images)
        logits = discriminator(z)
        loss = loss + 6.4 * (logits[:, 0] - logits[:, 1]).mean()
        optimizer.zero_grad()
        loss.backward(inputs=[*encoder.parameters(), *decoder.parameters()])
        optimizer.step()
        with torch.no_grad():
            other = draw(encoder, others)[2]
            permuted = torch.stack([column[torch.randperm(batch)] for column in other.T], 1)
        judged = functional.cross_entropy(discriminator(torch.cat([z.detach(), permuted])), labels)
        of_discriminator.zero_grad()
        judged.backward()
        of_discriminator.step()

    return step


STEPS = {"vae": vae, "factor_vae": factor_vae, "sbd_vae": lambda size, batch: vae(size, batch, broadcast)}
SETTINGS = "default layout (NCHW), torch.optim.Adam as it comes, ConvTranspose2d, allocator and waiting untouched"


def main() -> None:
    model, size, batch = sys.argv[1], *map(int, sys.argv[2:4])
    step = STEPS[model](size, batch)
    take_turns(lambda amount: [step() for _ in range(amount)])


if __name__ == "__main__":
    main()
