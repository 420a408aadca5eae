"""Data sets, factor spaces and what they are made of; no torch."""
