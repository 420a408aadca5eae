"""Registries of encoders and decoders.

An encoder is made by `factory(image_shape, n_params, **options)` and maps images to the numbers that describe a posterior;
a decoder by `factory(latent_dim, output_shape, **options)` and maps latents to what the likelihood reads.
"""

from __future__ import annotations

from unbraid.registry import Registry

encoders = Registry("encoder", "encoders", "unbraid.nn.encoders")
decoders = Registry("decoder", "decoders", "unbraid.nn.decoders")

Shape = tuple[int, int, int]
