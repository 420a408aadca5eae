"""Mutual information between latents and factors: definitions and estimators."""
