# Everything a developer does. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install demo test lint bench format migrations-check requirements

# A developer's machine is not production; whoever sets DEBUG wins.
export DEBUG ?= true
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

install: $(STAMP) ## the virtual environment with the pinned packages

$(STAMP): requirements/dev.txt
	@test -x $(BIN)/python || "$$(scripts/find-python $(PYTHON))" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

demo: install ## everything running with demo data; Ctrl-C stops it
	@$(BIN)/python -m loyalty_admin.demo

test: install ## all tests; ARGS=tests/rewards for some
	@scripts/run-tests $(ARGS)

lint: install ## style, types, layers, templates, migrations, deployment settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/mypy .
	$(MAKE) --no-print-directory migrations-check
	@scripts/check-deploy $(BIN)/python

migrations-check: install ## the models and the migrations agree
	$(BIN)/python manage.py makemigrations --check --dry-run

format: install ## rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## speed beside its floors; MILLION=1 for the largest store, too
	$(BIN)/python -m tests.bench $(if $(MILLION),--million) $(ARGS)

LOCK := $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --quiet
requirements: install ## the newest versions that pyproject.toml allows, pinned with hashes
	$(LOCK) --upgrade --output-file requirements/base.txt
	$(LOCK) --upgrade --extra dev --constraint requirements/base.txt --output-file requirements/dev.txt
