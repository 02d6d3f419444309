# Pointsman. `make` lists the targets; each works on a machine with only python3, make and a shell.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --python $(BIN)/python --require-hashes --no-config

.DEFAULT_GOAL := help
.PHONY: help run test test-faults check format lock bench bench-router bench-scaling clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z.-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The first line a stranger may need: an old Python is named before anything is made.
$(BIN)/uv: requirements-install.lock
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 15)))' 2>/dev/null || \
		{ echo "pointsman: needs Python 3.11 to 3.14 as '$(PYTHON)'; found: $$($(PYTHON) --version 2>&1 || echo none). Name another with: make PYTHON=python3.12 run" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "pointsman: $(PYTHON) cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-install.lock
	@touch $@

.venv: $(VENV)/.installed ## install into .venv, and nothing else
$(VENV)/.installed: $(BIN)/uv requirements.lock pyproject.toml
	@echo "installing into $(VENV)"
	@$(UV) --quiet -r requirements.lock
	@$(BIN)/uv pip install --python $(BIN)/python --no-config --quiet --no-deps --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	@echo "installing the development tools"
	@$(UV) --quiet -r requirements-dev.lock
	@touch $@

run: $(VENV)/.installed ## start everything on this machine: the same as `pointsman up`
	@$(BIN)/pointsman up $(ARGS)

test: $(VENV)/.installed-dev ## run the tests; nothing needs to be started by hand
	@$(BIN)/python -m pytest -m "not faults" -n 2 --dist loadfile $(ARGS)

test-faults: $(VENV)/.installed-dev ## run the slow tests that kill and break real processes
	@$(BIN)/python -m pytest -m faults $(ARGS) || { code=$$?; [ $$code -eq 5 ] && echo "no such tests" || exit $$code; }

check: $(VENV)/.installed-dev ## format, lint, types, imports, lock files, compose file, Dockerfile
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright --warnings
	@$(BIN)/lint-imports
	@! grep -n '://' requirements*.lock || { echo "a lock file names an address" >&2; exit 1; }
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@POSTGRES_PASSWORD=x REDIS_PASSWORD=x POINTSMAN_DASHBOARD_KEY=x POINTSMAN_DASHBOARD_PASSWORD=x SGLANG_KEY=x SGLANG_ADMIN_KEY=x \
		$(BIN)/podman-compose --dry-run -f docker-compose.yml config >/dev/null
	@$(BIN)/hadolint Dockerfile

format: $(VENV)/.installed-dev ## rewrite the code in the project's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(BIN)/uv ## resolve the dependencies anew into the lock files
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

.env: ## make up the secrets that docker compose asks for; an .env that is there stays as it is
	@umask 077 && $(PYTHON) -c 'import re, secrets; from pathlib import Path; \
		text = re.sub(r"(?m)^(\w+)=$$", lambda found: f"{found[1]}={secrets.token_hex(24)}", Path(".env.example").read_text()); \
		Path(".env").write_text(text)'
	@echo "wrote .env: what opens the dashboard is POINTSMAN_DASHBOARD_PASSWORD"

bench: $(VENV)/.installed-dev ## measure what the gateway and the journal add
	@$(BIN)/python -m bench.overhead $(ARGS)

bench-router: $(VENV)/.installed-dev ## measure the router on graded answers: DATA=folder
	@test -n "$(DATA)" || { echo "name the folder of graded answers: make bench-router DATA=..." >&2; exit 2; }
	@$(BIN)/python -m bench.router --data "$(DATA)" $(ARGS)

bench-scaling: $(VENV)/.installed-dev ## replay recorded samples through the methods, and measure the checks: DATA=folder
	@test -n "$(DATA)" || { echo "name the folder of GSM8K and HumanEval: make bench-scaling DATA=..." >&2; exit 2; }
	@$(BIN)/python -m bench.scaling --data "$(DATA)" --markdown docs/scaling.md --plot docs/images/scaling.png $(ARGS)

clean: ## remove .venv and what the tools left; data in POINTSMAN_HOME stays
	@rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
