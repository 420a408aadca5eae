"""Objectives: games that yield moves, one file each.

What they promise is in `moves.py`; docs/how-a-step-works.md writes a new one.
"""
