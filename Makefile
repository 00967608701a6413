# Everything here uses the .venv of this checkout; `make install` makes it.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python launch.py

.PHONY: help install demo test test-heavy lint format clean

help:
	@echo "make demo        install, then the main job on the embedded data"
	@echo "make test        install, then lint, types and the default tests"
	@echo "make test-heavy  the tests that take minutes, every smoke preset among them"
	@echo "make format      let ruff put the code in order"

install: .venv/installed

.venv/installed: requirements.txt setup.cfg constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

demo: install
	$(RUN) --config=configs/digits.py --workdir=runs/demo

test: lint
	$(BIN)/python -m pytest -m 'not heavy' -n 2

test-heavy: install
	$(BIN)/python -m pytest -m heavy

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis # never runs/: it holds paid answers
