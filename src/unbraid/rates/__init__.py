"""Rates: regularizers of the posterior, one file each."""
