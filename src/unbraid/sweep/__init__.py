"""Sweeps: many runs on one machine or a cluster, whose whole state is files in one folder.

A *point* is one run that was asked for: a model, a data set and options. Its run is named by the hash of its resolved
configuration. Workers claim points through files (`claims`), train and score them (`worker`), and write one result file per run
(`store`). Engines only start workers; nothing is lost when they or their workers die.
"""
