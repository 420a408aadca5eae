"""The registries of posteriors, priors and likelihoods."""

from __future__ import annotations

from unbraid.registry import Registry

posteriors = Registry("posterior", "posteriors", "unbraid.distributions.posteriors")
priors = Registry("prior", "priors", "unbraid.distributions.priors")
likelihoods = Registry("likelihood", "likelihoods", "unbraid.distributions.likelihoods")
