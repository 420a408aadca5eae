"""Rates: regularisers of the posterior, one file each."""
