"""Where workers run: processes of this machine, dask, Slurm.

Each engine is a `concurrent.futures.Executor`.
"""
