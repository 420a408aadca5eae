"""Training: the loop, run folders, checkpoints and logs."""
