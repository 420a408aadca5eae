"""Comparison of many runs: seeds are the unit of replication."""
