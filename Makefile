# Every target is one command; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := bash
# The Nix shell (flake.nix) holds every tool: there nothing is set up, and none of ours goes first.
ifneq ($(SWITCHYARD_TOOLS),nix)
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/.venv/bin:$(PATH)
ready := .venv/bin/python
endif

# What a person gives on the command line reaches a command as one word, whatever is in it: a file
# may be called $(reboot) or '; reboot; '. (Exported, make would work it out first.)
unexport RATE USERS DURATION FROM SPEED LOGIN DATA LABEL_MAP THRESHOLD MODEL SLOT ROUNDS SECONDS
quoted = '$(subst ','\'',$(value $(1)))'
option = $(if $(value $(1)),--$(2)=$(call quoted,$(1)))

.PHONY: help setup start-project stop-project start-ray stop-ray shell test-api test-api-debug traffic dashboard credentials certs reload gen-model adopt lint test test-ray test-matrix bench

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 28

setup: ## install everything into this folder, without root (start-project and test do it too)
	@scripts/bootstrap.sh

# Targets that are of no use before the set-up say so instead of doing it.
.venv/bin/python:
	@echo "$(MAKECMDGOALS): nothing is set up here yet; run make start-project first" >&2; exit 2

start-project: setup ## train the models if needed, start everything in the background
	@python -m scripts.start_project

stop-project: $(ready) ## stop everything
	@python -m scripts.stop_project

shell: setup ## a bash with every tool on PATH
	@echo "process-compose up, list, attach, down; leave with exit" >&2; exec bash --rcfile scripts/shell.bash

test-api: $(ready) ## one prediction by v1 through the gateway
	@python -m probes.example

test-api-debug: $(ready) ## one prediction by v2 (X-Experiment-Group: debug)
	@python -m probes.example --debug

traffic: $(ready) ## living traffic in the background (RATE=20 USERS=200 DURATION=60; STOP=1 ends it; FROM=recording.jsonl SPEED=10)
	@python -m probes.traffic $(if $(STOP),--stop) $(call option,RATE,rate) $(call option,USERS,users) $(call option,DURATION,duration) $(call option,FROM,from) $(call option,SPEED,speed)

dashboard: $(ready) ## what the gateway does, live in this terminal (q leaves)
	@python -m dashboard

credentials: $(ready) ## who may log in: asks for a user and a password (LOGIN=ann; UNDO=1: back)
	@python -m gateway.credentials $(if $(UNDO),--undo,$(if $(value LOGIN),$(call quoted,LOGIN)))

certs: $(ready) ## a new certificate now, then reload (UNDO=1: back)
	@python -m gateway.renewal $(if $(UNDO),--undo)

reload: $(ready) ## after an edit of nginx/*.conf: check it, then make nginx use it
	@python -m gateway.reload

gen-model: setup ## train both models anew (CV=1: with all gates; DATA=my.csv: on your own texts)
	@python -m services.gen_model $(if $(CV),--cv) $(call option,DATA,data) $(call option,LABEL_MAP,label-map) $(call option,THRESHOLD,threshold)

adopt: setup ## serve a scikit-learn model of your own (MODEL=my.joblib SLOT=v2, YES=1; UNDO=1: back)
	@python -m services.adopt $(if $(UNDO),--undo,$(call quoted,MODEL)) --slot=$(call quoted,SLOT) $(if $(YES),--yes)
	@python -m scripts.restart $(call quoted,SLOT)

lint: setup ## ruff, mypy, import contracts, shellcheck, yamllint
	@python -m scripts.test lint

start-ray: setup ## the same workspace with the models on two nodes of Ray Serve (needs 4 GiB; docs/scale.md)
	@scripts/bootstrap_ray.sh
	@python -m scripts.start_ray

stop-ray: stop-project ## stop it (the same as stop-project)

test-ray: setup ## the tests of the workspace on Ray
	@python -m scripts.test ray

test: setup ## every layer of the tests (LAYERS="unit stack": only these)
	@python -m scripts.test $(LAYERS)

test-matrix: setup ## what is too long for make test: the oldest packages allowed, a second Python, a current nginx, thousands of requests, fuzzing, the large simulations, the README's claims, every benchmark
	@python -m scripts.matrix

bench: ## the figures of docs/benchmarks.md (ROUNDS=5 SECONDS=3): 9 minutes, on an idle machine
	@scripts/bootstrap.sh wrk tmux
	@python -m services.gen_model --if-needed
	@python -m bench.service $(call option,ROUNDS,rounds) $(call option,SECONDS,seconds)
	@python -m bench.stack $(call option,ROUNDS,rounds) $(call option,SECONDS,seconds)
	@python -m bench.metrics $(call option,ROUNDS,rounds) $(call option,SECONDS,seconds)
	@python -m bench.gateway $(call option,ROUNDS,rounds) $(call option,SECONDS,seconds)
	@python -m bench.dashboard $(call option,ROUNDS,rounds) $(call option,SECONDS,seconds)
