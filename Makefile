# Everything here uses the .venv of this checkout; `make install` makes it.
PYTHON ?= python3
# Where this is set, every process that a test starts would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
RUN := $(BIN)/python launch.py
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
BENCH := $(BIN)/python -m benchmarks
ROWS := build/bench

# Packages that compute or decide, without the tests that start processes or whole runs.
QUICK := tests/core tests/config tests/data tests/querying tests/search tests/validation tests/packaging \
	-k 'not devices and not processes' --ignore=tests/core/test_compilation.py
OLDEST := tests/core tests/search tests/training

.PHONY: help install demo quick test test-heavy test-oldest bench bench-install docs lint format clean

help:
	@echo "make demo        install, then the main job on the embedded data, and random pairs beside it"
	@echo "make quick       two minutes of tests: one test folder for each package that computes or decides"
	@echo "make test        install, then lint, types, import contracts and the default tests"
	@echo "make test-oldest the tests of numerical packages with the oldest versions of requirements.txt, in .venv-oldest"
	@echo "make docs        the site of docs/, to build/site/"
	@echo "make test-heavy  the tests that take minutes, every smoke preset among them"
	@echo "make bench       search, training and pool beside PyTorch, to benchmarks/RESULTS.md; keep the machine quiet"
	@echo "make format      let ruff put the code in order, and write configs/default.py anew from its declarations"

install: .venv/installed

.venv/installed: requirements.txt setup.cfg constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[test]'
	touch $@

# The second run is the baseline. It finds the answers to the real images in the ledger of the first.
demo: install
	$(RUN) --config=configs/digits.py --workdir=runs/demo
	$(RUN) --config=configs/digits.py --workdir=runs/demo_random --config.method=random_mixup \
		--config.ledger.path=runs/demo/ledger.sqlite

quick: install
	$(BIN)/python -m pytest -m 'not heavy' -n 2 --dist worksteal $(QUICK)

test: lint
	$(BIN)/python -m pytest -m 'not heavy' -n 2 --dist worksteal

test-heavy: install
	$(BIN)/python -m pytest -m heavy -o faulthandler_timeout=4000

test-oldest: .venv-oldest/installed
	.venv-oldest/bin/python -m pytest -m 'not heavy' $(OLDEST)

# Without the test extra: its model server and its ONNX converter need newer versions.
.venv-oldest/installed: requirements.txt setup.cfg constraints-oldest.txt
	test -x .venv-oldest/bin/python || python3.11 -m venv .venv-oldest
	.venv-oldest/bin/pip install --quiet --disable-pip-version-check --constraint constraints-oldest.txt \
		--editable . hypothesis pytest pytest-xdist
	touch $@

docs: install
	$(INSTALL) --editable '.[docs]'
	$(BIN)/mkdocs build --strict

# On Linux this is PyTorch for CUDA; PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu makes it the smaller one.
bench-install: install
	$(INSTALL) --editable '.[test,bench]'

bench: bench-install
	$(BENCH).search --models=lenet5_half,lenet5 --turns=9 --json=$(ROWS)/1-search.json
	$(BENCH).search --models=alexnet_half,alexnet,vgg16,resnet18 --turns=5 --json=$(ROWS)/2-search.json
	$(BENCH).search --models=resnet18_224 --turns=3 --json=$(ROWS)/3-search.json
	$(BENCH).train --turns=7 --json=$(ROWS)/4-train.json
	$(BENCH).pool --json=$(ROWS)/5-pool.json
	test -z "$$TFDS_DATA_DIR" || $(BENCH).minimisers --json=$(ROWS)/6-minimisers.json
	$(BENCH).results $(ROWS)/*.json > $(ROWS)/RESULTS.md
	mv $(ROWS)/RESULTS.md benchmarks/RESULTS.md

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: install
	$(BIN)/python -m amkd.config.write_default
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .venv-oldest build/lib build/site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis # never runs/: it holds paid answers
