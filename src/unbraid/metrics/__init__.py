"""Metrics: arrays in, numbers out, one file each; no torch."""
