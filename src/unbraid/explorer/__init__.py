"""Trained models where there is no PyTorch."""
