# Everything here sets up .venv first, from requirements.lock, if it is missing or stale.
# PYTHON picks the interpreter (3.11 to 3.13), JOBS how many tests run side by side; TORCH=cpu installs the small CPU build of torch where its index can be reached.
PYTHON ?= python3
TORCH ?=
JOBS ?= auto
LAB ?=
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Side by side by file, so that what a file's tests share is made once; in the order of conftest.py, the longest first.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder

.PHONY: help setup book quick test test-all coverage lab exercises grade bench slides check lint fix lock colab-test clean

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.stamp  ## create or refresh .venv

# A linked .venv belongs to another checkout: setting it up here would make that one import this folder.
ifneq ($(shell test -L .venv && echo linked),)
export PYTHONPATH := $(CURDIR)
.venv/.stamp: ;
else
.venv/.stamp: requirements.lock pyproject.toml grader/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else f"Python 3.11 to 3.13 is needed, but {sys.executable} is {sys.version.split()[0]}: run make with PYTHON=python3.12, say")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(if $(TORCH),--torch-backend=$(TORCH)) -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e . -e ./grader
	@touch $@
endif

book: .venv/.stamp  ## build the site into _build/html
	$(BIN)/python -m tools book

quick: .venv/.stamp  ## run the tests that need no sandbox, no browser and no patience: under 90 seconds
	$(PYTEST) -q -m "not slow and not long and not sandbox and not browser"

test: .venv/.stamp  ## run the tests, without those marked slow
	$(PYTEST) -m "not slow"

test-all: .venv/.stamp  ## run every test, an hour or more: all hostile submissions, all difficulty ladders
	$(PYTEST)

coverage: .venv/.stamp  ## run the quick tests and say which share of helpers and tools they reach
	$(PYTEST) -q -m "not slow and not long and not sandbox and not browser" --cov --cov-report term

# A folder as an argument would become the root, and no link to an exercise would open.
lab: .venv/.stamp  ## open JupyterLab at the list of chapters (LAB="--allow-root": more options)
	$(BIN)/jupyter lab --notebook-dir=. --LabApp.default_url=/lab/tree/chapters $(LAB)

exercises: .venv/.stamp  ## make exercises/ from solutions/
	$(BIN)/python -m tools release

grade: .venv/.stamp  ## grade submitted/: make grade ASSIGNMENT=02_tensors
	$(BIN)/python -m grader grade $(ASSIGNMENT)

bench: .venv/.stamp  ## print the measured ratios against named rivals
	$(BIN)/python -m benchmarks

slides: .venv/.stamp  ## turn each chapter into a reveal.js deck in _build/slides
	$(BIN)/python -m tools slides

check: .venv/.stamp  ## lint notebooks and code in seconds
	$(BIN)/python -m tools check

lint: check  ## check, and types, undeclared imports and the size of functions and files: a minute
	$(BIN)/python -m deptry .
	$(BIN)/python -m deptry grader --config grader/pyproject.toml
	$(BIN)/python -m pytest -q tests/test_types.py tests/test_style.py tests/test_size.py

fix: .venv/.stamp  ## bring notebooks and code into canonical form
	$(BIN)/python -m tools fix

lock: .venv/.stamp  ## renew requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url --upgrade \
	  --extra book --extra grading --extra dask --extra dev pyproject.toml -o requirements.lock

colab-test: .venv/.stamp  ## run every notebook alone in a Colab-shaped environment
	$(BIN)/python -m tools colab-test

clean:  ## forget everything built
	rm -rf _build .venv
