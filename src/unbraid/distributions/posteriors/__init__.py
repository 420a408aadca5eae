"""Posterior families, one file each."""
