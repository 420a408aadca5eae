"""The figures that can be made of runs, one registered function each."""
