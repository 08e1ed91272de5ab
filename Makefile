# Everything here sets up .venv first, from requirements.lock, if it is missing or stale.
# PYTHON picks the interpreter (3.11 to 3.13); TORCH=cpu installs the small CPU build of torch where its index can be reached.
PYTHON ?= python3
TORCH ?=
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup book test test-all lab exercises grade bench slides check fix lock colab-test clean

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.stamp  ## create or refresh .venv

.venv/.stamp: requirements.lock pyproject.toml grader/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else f"Python 3.11 to 3.13 is needed, but {sys.executable} is {sys.version.split()[0]}: run make with PYTHON=python3.12, say")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(if $(TORCH),--torch-backend=$(TORCH)) -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e . -e ./grader
	@touch $@

book: .venv/.stamp  ## build the site into _build/html
	$(BIN)/python -m tools book

test: .venv/.stamp  ## run the tests, without those marked slow
	$(BIN)/python -m pytest -m "not slow"

test-all: .venv/.stamp  ## run every test, an hour or more: all hostile submissions, all difficulty ladders
	$(BIN)/python -m pytest

lab: .venv/.stamp  ## open JupyterLab at the list of chapters
	$(BIN)/jupyter lab --notebook-dir=. chapters

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

fix: .venv/.stamp  ## bring notebooks and code into canonical form
	$(BIN)/python -m tools fix

lock: .venv/.stamp  ## renew requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url --upgrade \
	  --extra book --extra grading --extra dask --extra dev pyproject.toml -o requirements.lock

colab-test: .venv/.stamp  ## run every notebook alone in a Colab-shaped environment
	$(BIN)/python -m tools colab-test

clean:  ## forget everything built
	rm -rf _build .venv
