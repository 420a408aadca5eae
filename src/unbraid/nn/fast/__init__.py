"""Faster forms of layers, within rounding of the plain ones."""
