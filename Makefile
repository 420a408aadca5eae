# make demo: the main job. make test: every check. make check: two minutes of them, for daily work. make oldest: the tests
# on the oldest versions that pyproject.toml allows. make docs: the website, in docs/_build/html. make linkcheck: asks for
# every external link of it. Each sets up the virtual environment it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?= -n 2 --dist worksteal

OLDEST ?= .venv-oldest
# libraries that old warn of each other; what they compute is tested all the same
OLDEST_ARGS ?=

.PHONY: demo test check static oldest docs linkcheck clean

demo: $(VENV)/.installed
	$(BIN)/unbraid train beta_vae ellipses

test: static
	$(BIN)/pytest $(PYTEST_ARGS)

check: static
	$(BIN)/pytest $(PYTEST_ARGS) -m 'not slow and not long'

static: $(VENV)/.developed
	$(BIN)/ruff check src tests benchmarks docs/source
	$(BIN)/ruff format --check src tests benchmarks docs/source
	$(BIN)/mypy
	$(BIN)/lint-imports

# uv finds versions that fit together in seconds, where pip tries one after another for minutes
oldest: $(VENV)/.developed
	$(PYTHON) -m venv $(OLDEST)
	$(BIN)/uv pip install --quiet --python $(OLDEST)/bin/python $(UV_ARGS) --constraint constraints-oldest.txt --editable '.[dev]'
	$(OLDEST)/bin/pytest $(PYTEST_ARGS) -W default $(OLDEST_ARGS)

docs: $(VENV)/.developed
	$(BIN)/python docs/source/website

linkcheck: $(VENV)/.developed
	$(BIN)/python docs/source/website --linkcheck

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "unbraid needs Python 3.11 or newer; give PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.developed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,docs]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) $(OLDEST) build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis
