"""The variational autoencoder: a model's networks, their owners, and the pass of a batch through them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.protocols import Images, Latents, Likelihood, Posterior, Prior, Quantizer
from unbraid.errors import UsageError
from unbraid.nn.fast.allowed import plain_layers
from unbraid.nn.layout import keeps_layout
from unbraid.nn.running_statistics import frozen_running_stats
from unbraid.terms import Pass

OWNED = {"encoder": ("encoder", "posterior"), "decoder": ("decoder", "likelihood", "prior")}
"""Networks of the two players that every model has."""


class VAE(nn.Module):
    """All networks of a model under their names.

    Args:
        encoder: images -> the parameters of a posterior.
        decoder: latents -> the likelihood's input.
        likelihood: p(x|z).
        prior: p(z).
        posterior: head that turns these parameters into q(z|x).
        extra: further networks of the objective (a discriminator, an averaged decoder).
        players: further players, with the networks each owns.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: nn.Module,
        prior: nn.Module,
        posterior: nn.Module,
        extra: Mapping[str, nn.Module] | None = None,
        players: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        super().__init__()
        own = {"encoder": encoder, "posterior": posterior, "decoder": decoder, "likelihood": likelihood, "prior": prior}
        self.networks = nn.ModuleDict({**own, **(extra or {})})
        self.players: dict[str, tuple[str, ...]] = {**OWNED, **(players or {})}
        self._check_partition()

    def _check_partition(self) -> None:
        owners: dict[str, list[str]] = {name: [] for name in self.networks}
        for player, names in self.players.items():
            for name in names:
                if name not in owners:
                    raise UsageError(f"Player {player!r} owns a network {name!r} that the model does not have.")
                owners[name].append(player)
        for name, network in self.networks.items():
            if len(owners[name]) > 1 or (not owners[name] and any(p.requires_grad for p in network.parameters())):
                raise UsageError(
                    f"Network {name!r} is owned by {owners[name] or 'nobody'}; every network that learns needs one player."
                )

    @property
    def prior(self) -> Prior:
        """p(z)."""
        return cast(Prior, self.networks["prior"])

    @property
    def likelihood(self) -> Likelihood:
        """p(x|z)."""
        return cast(Likelihood, self.networks["likelihood"])

    @property
    def quantizer(self) -> Quantizer | None:
        """The head that maps latents to values of codebooks; None where they may take any value."""
        head = self.networks["posterior"]
        return head if isinstance(head, Quantizer) else None

    def parameters_of(self, *players: str) -> list[nn.Parameter]:
        """Parameters that the given players own, in a fixed order."""
        names = [name for player in players for name in self.players[player]]
        return [p for name in names for p in self.networks[name].parameters() if p.requires_grad]

    def owner_of(self, name: str) -> str | None:
        """The player that owns a parameter or buffer, by its name in `state_dict`; None where no player does."""
        _, network, _ = name.split(".", 2)
        return next((player for player, networks in self.players.items() if network in networks), None)

    def placed(self, device: torch.device) -> VAE:
        """This model on a device, in the memory layout that convolutions are fastest with.

        Networks whose code relies on the usual layout keep that.
        """
        for network in self.networks.values():
            if not keeps_layout(network):
                nn.Module.to(network, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self.to(device)

    def encode(self, images: Images) -> Posterior:
        """q(z|x)."""
        return cast(Posterior, self.networks["posterior"](self.networks["encoder"](images)))

    def decode(self, z: Latents) -> Float[Tensor, "batch out height width"]:
        """The input of the likelihood; `likelihood.mean` of it is the image."""
        return cast(Tensor, self.networks["decoder"](z))

    def decode_for_derivatives(self, z: Latents) -> Float[Tensor, "batch out height width"]:
        """What `decode` gives, by layers with derivatives of every kind; running statistics stay as they are."""
        with plain_layers(), frozen_running_stats(self.networks["decoder"]):
            return self.decode(z)

    def forward(self, images: Images, generator: torch.Generator) -> Pass:
        """Encode, draw one latent per image, decode, and compare with the images."""
        return self.complete(images, self.encode(images), generator)

    def complete(self, images: Images, posterior: Posterior, generator: torch.Generator) -> Pass:
        """The rest of the pass, from a posterior that need not be the one `encode` gives."""
        z = posterior.sample(generator)
        output = self.decode(z)
        nll = self.likelihood.nll(output, images)
        return Pass(images, posterior, z, output, nll, self.prior, self.likelihood, self.decode_for_derivatives)
