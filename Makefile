# Two targets do everything on a fresh machine with Python (3.11 or later) and git: `make run` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
METHODS = --plugin gsmflow --plugin f-clswgan --plugin early-gan --plugin eszsl --plugin sae --plugin ridge-prototype
DRAW = --dataset glyphs --results $(RECORDS)/leaderboard.txt --out leaderboards/figures
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal --durations 10
RECORDS = leaderboards/records
ACCEPTED = $(addprefix --results ,$(RECORDS)/leaderboard.txt $(RECORDS)/tuned.txt $(wildcard leaderboards/submissions/*/))
SEEDS ?= 0-1
RESULTS ?= results
OUT ?= gpu-report

.PHONY: run test test-slow test-ray soak bench gpu lint leaderboard check-leaderboard pages figures clean

run: $(VENV)/installed  ## train the main methods on the bundled data set and print the leaderboard
	$(BIN)/gzslbench run $(METHODS) --dataset glyphs --seeds $(SEEDS) --results $(RESULTS)
	$(BIN)/gzslbench leaderboard --results $(RESULTS)

test: $(VENV)/installed-dev  ## run the tests but the slow ones
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/installed-dev  ## run the slow tests: packages installed, kills, databases, whole tutorials
	$(PYTEST) -m slow

test-ray: $(VENV)/installed-ray  ## run the tests on a Ray cluster of three nodes, which are processes of this machine
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow tests/runner/test_ray.py

soak: $(VENV)/installed-ray  ## fuzz every reader for ten minutes each, run a thousand cells with injected faults, lose a cluster and a network
	GZSLBENCH_SOAK=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -s tests/soak tests/runner/test_ray.py \
		tests/report/uncertainty/test_coverage.py

# Both sides of a comparison get the allocator setting that the harness gives its workers.
bench: $(VENV)/installed-dev  ## measure what tests/benchmarks/README.md says; wants an otherwise idle machine
	MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000 OMP_NUM_THREADS=1 GZSLBENCH_SLOW=1 \
		$(BIN)/python -m pytest -s tests/benchmarks

ifdef GZSLBENCH_PYTHON
gpu:
else
gpu: $(VENV)/installed-dev
endif
gpu:  ## measure on a GPU what only a GPU can show, into the folder OUT; GZSLBENCH_PYTHON names a Python that has torch
	$(or $(GZSLBENCH_PYTHON),$(BIN)/python) scripts/gpu_report.py --out "$(OUT)"

lint: $(VENV)/installed-dev  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

leaderboard: $(VENV)/installed  ## regenerate the committed leaderboards and ablation tables from their records
	$(MAKE) pages DO=--write

check-leaderboard: $(VENV)/installed  ## fail if a committed page is not what its records say
	$(MAKE) pages DO=--check

pages:
	$(BIN)/gzslbench leaderboard $(ACCEPTED) $(DO) leaderboards
	$(BIN)/gzslbench leaderboard $(ACCEPTED) --headline $(DO) .
	$(BIN)/gzslbench reported $(DO) leaderboards
	$(BIN)/gzslbench leaderboard --results $(RECORDS)/precision.txt $(DO) leaderboards/precision
	$(BIN)/gzslbench leaderboard --results $(RECORDS)/released.txt $(DO) leaderboards/released
	$(BIN)/gzslbench ablate gsmflow --no-run --results $(RECORDS)/ablations.txt $(DO) leaderboards/ablations
	$(BIN)/gzslbench ablate early-gan --no-run --results $(RECORDS)/ablations.txt $(DO) leaderboards/ablations

figures: $(VENV)/installed-dev  ## draw the committed figures from the committed records
	$(BIN)/gzslbench figure confusion --method gsmflow $(DRAW)
	$(BIN)/gzslbench figure seen-unseen $(DRAW)
	$(BIN)/gzslbench figure routing --results $(RECORDS)/ablations.txt --out leaderboards/figures

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) --editable '.[dev,plots]'
	touch $@

$(VENV)/installed-ray: $(VENV)/installed-dev
	$(PIP) --editable '.[dev,plots,ray]'
	touch $@
