"""Objectives: games that yield moves, one file each."""
