"""Data sets that others publish: where their files are, how they are read, and the store they are kept in."""
