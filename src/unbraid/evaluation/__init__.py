"""Scores of a trained model: losses over whole splits, KL per latent, bounds, and metrics on its code table."""
