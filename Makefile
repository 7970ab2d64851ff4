# Tessera's commands. `make` or `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two stamps: what it takes to run, and what it takes to test on top of that.
RUN_STAMP := $(VENV)/.run
TEST_STAMP := $(VENV)/.test
# What npm brings: one stamp for each folder that has a lock.
OPENID_CLIENT := tests/foreign/openid_client/node_modules/.stamp
AXE := tests/look/axe/node_modules/.stamp
# A test waits for processes of its own for a third of its time. Files go out as the tree has them:
# by its own choice xdist would have those with few tests last, which are the longest, and all at
# once.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
OIDC_PROVIDER := bench/node/node_modules/.stamp

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: run
run: $(RUN_STAMP) ## Start everything on this machine, with a sample association
	@exec $(BIN)/tessera run

.PHONY: install
install: $(RUN_STAMP) ## Make the environment (.venv)

.PHONY: test
test: $(TEST_STAMP) $(OPENID_CLIENT) $(AXE) browser apache ## Run every test (lint, types, unit, end to end, browser)
	@$(BIN)/python scripts/craft.py
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --conformance=compare

.PHONY: conformance
conformance: $(TEST_STAMP) $(OPENID_CLIENT) $(AXE) browser apache ## Run the tests that show a requirement, and write docs/conformance.md
	@$(BIN)/pytest -q -m compliance -n $(WORKERS) --dist loadfile --no-loadscope-reorder --conformance=write

.PHONY: check
check: $(TEST_STAMP) ## The quick part of the tests, on SQLite: a minute or two
	@$(BIN)/python scripts/craft.py
	@$(BIN)/pytest -q -m "not slow and not browser" -k "not postgres" -n auto

.PHONY: chaos
chaos: $(TEST_STAMP) ## Ten minutes of everything going wrong, on each database
	@$(BIN)/python -m tests.chaos

.PHONY: bench-sso
bench-sso: $(TEST_STAMP) $(OIDC_PROVIDER) ## Measure a single sign-on beside node-oidc-provider (minutes)
	@$(BIN)/python -m bench.sso

.PHONY: bench-directory
bench-directory: $(TEST_STAMP) ## Measure the directory at up to a million people (an hour)
	@$(BIN)/python -m bench.directory

.PHONY: bench-sync
bench-sync: $(TEST_STAMP) ## Measure the feed beside its floor, with real workers (20 minutes)
	@$(BIN)/python -m bench.sync

.PHONY: bench-panel
bench-panel: $(TEST_STAMP) ## Measure the panel's lists at 100,000 people on both databases (minutes)
	@$(BIN)/python -m bench.panel

.PHONY: browser
browser: # Chromium for the browser tests: Debian's, installed when we may
	@bash scripts/chromium.sh

.PHONY: apache
apache: # Apache with mod_auth_openidc for the tests: Debian's, installed when we may
	@bash scripts/apache.sh

.PHONY: format
format: $(TEST_STAMP) ## Format the code
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format .

.PHONY: bench-import
bench-import: $(TEST_STAMP) ## Measure an import of 100,000 people beside its floor (minutes)
	@$(BIN)/python -m bench.importing

.PHONY: bench-hash
bench-hash: $(RUN_STAMP) ## Measure what hashing a password costs on this machine
	@$(BIN)/python -m bench.hashing

.PHONY: roles
roles: $(RUN_STAMP) ## Write docs/roles.md: who may do what in the panel
	@$(BIN)/python -m admin.roles_document

.PHONY: screenshots
screenshots: $(TEST_STAMP) browser ## Write the pictures of docs/set-up.md anew, by its browser test
	@$(BIN)/pytest -q tests/browser/test_set_up.py --screenshots

.PHONY: lock
lock: ## Lock the dependencies anew (needs uv)
	@bash scripts/lock.sh
	@$(MAKE) --no-print-directory $(TEST_STAMP)
	@$(BIN)/python scripts/npm.py --lock tests/foreign/openid_client tests/look/axe bench/node

.PHONY: clean
clean: ## Remove the environment and the embedded data
	rm -rf $(VENV) var

$(VENV)/bin/python:
	@bash scripts/venv.sh $(PYTHON) $(VENV)

$(RUN_STAMP): $(VENV)/bin/python requirements/run.txt pyproject.toml
	@echo "Installing what Tessera needs …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(TEST_STAMP): $(RUN_STAMP) requirements/test.txt
	@echo "Installing what the tests need …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

%/node_modules/.stamp: %/package-lock.json | $(TEST_STAMP)
	@echo "Installing what npm has for $* …"
	@$(BIN)/python scripts/npm.py $*
	@touch $@
