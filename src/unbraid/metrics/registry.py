"""The registry of metrics: functions of codes and factors that return named scores."""

from unbraid.registry import Registry

metrics = Registry("metric", "metrics", "unbraid.metrics")
