"""Posteriors, priors and likelihoods."""
