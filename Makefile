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
