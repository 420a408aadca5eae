"""The named models: each one expression, with its published hyper-parameters."""
