"""The registry of data sets."""

from __future__ import annotations

from unbraid.registry import Registry

datasets = Registry("data set", "datasets", "unbraid.data.sets")
