"""Scores of a trained model.

Losses over whole splits, KL per latent, bounds, and metrics on its code table.
"""
