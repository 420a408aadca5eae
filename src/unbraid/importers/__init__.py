"""Models that others have trained, made into run folders of unbraid."""
