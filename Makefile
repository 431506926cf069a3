.DEFAULT_GOAL := help
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.installed ## start the chat on http://127.0.0.1:7860
	$(BIN)/python app.py

test: $(VENV)/.installed-dev ## run the test suite, in two processes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.installed-dev ## check style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

evals: $(VENV)/.installed-dev ## check the answers against the cases; report in build/evals
	$(BIN)/policybot eval --report build/evals --junit build/evals/junit.xml

bench: $(VENV)/.installed-dev ## measure speed, unseen policies and retrieval (POLICIES=folder of privacyqa-dev)
	$(BIN)/python -m evals.speed
	$(BIN)/python -m evals.scaling
	$(BIN)/python -m evals.unseen_policies
	$(if $(POLICIES),$(BIN)/python -m evals.span_retrieval $(POLICIES))

train: $(VENV)/.installed-dev ## tune both models and fit the judge anew (some four and a half hours on 2 cores)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[train]'
	$(BIN)/python -m evals.training.validate
	$(BIN)/python -m evals.training.train

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	touch $@

.PHONY: help run test lint evals bench train
