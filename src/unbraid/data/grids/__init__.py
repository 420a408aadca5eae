"""Data sets that are full factor grids: options, orders, sub-grids, colors."""
