"""Priors, one file each."""
