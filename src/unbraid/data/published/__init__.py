"""Data sets that others publish: where their files are, how they are read, and where they are kept."""
