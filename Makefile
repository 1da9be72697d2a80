# `make demo` and `make test` need Python 3.11 or newer and make; everything else is fetched into .venv and a cache.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:

# Another place may be named where the checkout cannot hold it: make VENV=/somewhere/venv test
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.puente
ARGS ?=

.PHONY: help env demo up doctor test test-quick lint format bench clean

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 20

env: $(STAMP) ## Make the environment in .venv

# Made anew when pyproject.toml changes; a warm run does nothing here. An environment whose Python has gone is replaced.
$(STAMP): pyproject.toml
	@python=; for each in $${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do \
	    if "$$each" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$$each; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Puente needs Python 3.11 or newer with venv; none was found." >&2; \
	    echo "Install one (Debian: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3" >&2; \
	    exit 2; \
	fi; \
	"$(BIN)/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || { \
	    echo "making the environment in $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv --clear "$(VENV)"; }
	@echo "installing Puente and what it needs (once)"
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --editable '.[local,dev]'
	@touch "$@"

demo: env ## A simulated border, live in this terminal (ARGS="--for 45s")
	@"$(BIN)/puente" demo $(ARGS)

up: env ## A local line for your own devices, kept running
	@"$(BIN)/puente" up $(ARGS)

doctor: env ## What is found on this machine, and what is missing
	@"$(BIN)/puente" doctor $(ARGS)

test: env ## Every test, those on a real Kafka and a real MQTT broker too
	@"$(BIN)/python" -m pytest -n 3 --dist loadfile $(ARGS)

test-quick: env ## The tests that need no server
	@"$(BIN)/python" -m pytest -q -m "not kafka and not mqtt and not influx and not kill" $(ARGS)

lint: env ## Style, types and the layers between folders
	@"$(BIN)/ruff" check .
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/mypy"
	@"$(BIN)/lint-imports"

format: env ## Bring the code into the project's style
	@"$(BIN)/ruff" check --fix .
	@"$(BIN)/ruff" format .

bench: env ## Measure the line, in CPU-seconds
	@for each in stream gateway end-to-end; do "$(BIN)/puente" bench $$each --json $(ARGS) || exit; done

clean: ## Remove the environment and what tools left; downloads stay in the cache
	rm -rf "$(VENV)" .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
