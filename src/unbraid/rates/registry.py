"""The registry of rates."""

from unbraid.registry import Registry

rates = Registry("rate", "rates", "unbraid.rates")
