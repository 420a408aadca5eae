"""The documentation as a website: `make docs`, or `python docs/source/website`.

`stage` puts the pages of docs/ and the generated ones into docs/_build/source, with the navigation of docs/navigation.yml.
Sphinx makes docs/_build/html of them as docs/conf.py says. Nothing is fetched from elsewhere: the folder opens from disk and
from any static host.
"""
