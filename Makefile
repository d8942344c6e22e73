# Every target is one command; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/.venv/bin:$(PATH)

.PHONY: help setup start-project stop-project shell test-api test-api-debug gen-model lint test

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 28

setup: ## install everything into this folder, without root (start-project and test do it too)
	@scripts/bootstrap.sh

# Targets that are of no use before the set-up say so instead of doing it.
.venv/bin/python:
	@echo "$(MAKECMDGOALS): nothing is set up here yet; run make start-project first" >&2; exit 2

start-project: setup ## train the models if needed, start everything in the background
	@python -m scripts.start_project

stop-project: .venv/bin/python ## stop everything
	@python -m scripts.stop_project

shell: setup ## a shell with every tool on PATH
	@echo "process-compose up, list, attach, down; leave with exit" >&2; exec $${SHELL:-bash}

test-api: .venv/bin/python ## one prediction by v1 through the gateway
	@python -m probes.example

test-api-debug: .venv/bin/python ## one prediction by v2 (X-Experiment-Group: debug)
	@python -m probes.example --debug

gen-model: setup ## train both models anew (CV=1: with cross-validation and all gates)
	@python -m services.gen_model $(if $(CV),--cv)

lint: setup ## ruff, mypy, import contracts, shellcheck, yamllint
	@python -m scripts.test lint

test: setup ## every layer of the tests (LAYERS="unit stack": only these)
	@python -m scripts.test $(LAYERS)
