"""Experiment trackers: programs of others that show the numbers of many runs."""
