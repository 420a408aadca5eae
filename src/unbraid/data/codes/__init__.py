"""Codes and factors of any encoder, read from files."""
