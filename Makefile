# Two targets do everything on a fresh machine with Python (3.11 or later) and git: `make run` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
METHODS = --plugin gsmflow --plugin f-clswgan --plugin early-gan --plugin eszsl --plugin sae
SEEDS ?= 0-1
RESULTS ?= results

.PHONY: run test lint leaderboard clean

run: $(VENV)/installed  ## train the main methods on the bundled data set and print the leaderboard
	$(BIN)/gzslbench run $(METHODS) --dataset glyphs --seeds $(SEEDS) --results $(RESULTS)
	$(BIN)/gzslbench leaderboard --results $(RESULTS)

test: $(VENV)/installed-dev  ## run the tests
	$(BIN)/python -m pytest

lint: $(VENV)/installed-dev  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

leaderboard: $(VENV)/installed  ## regenerate the committed leaderboard from the committed records
	$(BIN)/gzslbench leaderboard --results leaderboards/results --write leaderboards

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) --editable '.[dev,plots]'
	touch $@
