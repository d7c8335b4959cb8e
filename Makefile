# `make serve` runs everything on this machine; `make test` and `make check` judge it.

PYTHON ?= python3
BIN := .venv/bin
CI ?= false
ARGS ?=

.PHONY: help install install-uncompiled install-dev install-js serve test bench bench-full fmt screenshots \
	check check-format check-lint check-types check-js check-migrations \
	check-deploy check-shell audit constraints walkthrough env-example

help:
	@echo "make serve    site, collector and worker with a demo fleet, on BIND"
	@echo "make test     the test suite on SQLite and PostgreSQL; ARGS='-k word' is passed on"
	@echo "make check    formatting, lint, types, JavaScript, migrations, deployment checks"
	@echo "make fmt      format and repair what can be repaired"
	@echo "make bench    measure and write docs/benchmarks.md, with a million records"
	@echo "make bench-full  the same with ten million, and how times grow"
	@echo "make audit    compare what is installed with published advisories; AUDIT=required"
	@echo "make walkthrough  docs/operations.md, word for word, on a new Debian (root)"
	@echo "make screenshots  take the pictures of the documentation"
	@echo "make env-example  write deployments/env.example from the table of settings"
	@echo "make constraints  write constraints.txt from what is installed"
	@echo "make install  only prepare .venv"

# --- environment ---------------------------------------------------------------

PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

install: .venv/.installed

install-dev: .venv/.installed-dev

.venv/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not." \
			"Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: .venv/.created requirements.txt constraints.txt
	@$(PIP) -r requirements.txt 2>/dev/null || $(MAKE) --no-print-directory install-uncompiled
	@touch $@

install-uncompiled: .venv/.created
	@grep -v '^gunicorn_h1c' requirements.txt >.venv/requirements.txt
	$(PIP) -r .venv/requirements.txt
	@echo "Left out: HTTP in C needs gcc and python3-dev. It works without, slower."
	@[ "$(CI)" != true ]

.venv/.installed-dev: .venv/.installed requirements-dev.txt
	$(PIP) -r requirements-dev.txt
	@touch $@

# --- run -----------------------------------------------------------------------

serve: export DEBUG := true
serve: export TELEMETRY_ANONYMOUS_READ := true
serve: export PYTHONUNBUFFERED := 1
serve: install
	$(BIN)/python manage.py migrate
	$(BIN)/python manage.py seed_demo --if-empty
	$(BIN)/python manage.py welcome
	@$(BIN)/honcho -e /dev/null start -f deployments/Procfile || [ $$? -eq 130 ]

bench: install
	$(BIN)/python -m benchmarks $(ARGS)

bench-full: install
	$(BIN)/python -m benchmarks --records 10000000 --requests 1000000 $(ARGS)

screenshots: install-dev
	$(BIN)/python -m docs.screenshots

# --- judge ---------------------------------------------------------------------

test: install-dev install-js
	$(BIN)/python -m tests.run $(ARGS)

check: check-format check-lint check-types check-js check-migrations check-deploy \
	check-shell audit

check-format: install-dev
	$(BIN)/ruff format --check .

check-lint: install-dev
	$(BIN)/ruff check .

check-types: install-dev
	$(BIN)/mypy

check-js: install-js
	@[ ! -d node_modules ] || node_modules/.bin/eslint static/js

# ESLint, and axe-core for the tests in a browser.
install-js:
	@if command -v npm >/dev/null; then \
		$(MAKE) --no-print-directory node_modules/.installed; \
	else \
		echo "ESLint and axe-core left out: npm was not found."; \
		false; \
	fi || [ "$(CI)" != true ]

node_modules/.installed: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

# What a production process is given, and nothing else from this shell.
PRODUCTION = env -i PATH="$$PATH" \
	SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(45))')" \
	ALLOWED_HOSTS=telemetry.example DATABASE_URL=sqlite:///var/check.sqlite3

check-migrations: install-dev
	@mkdir -p var
	$(PRODUCTION) $(BIN)/python manage.py makemigrations --check --dry-run

check-deploy: install-dev
	@mkdir -p var
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

check-shell:
	@find .ci deployments -type f -exec grep -lE '^#!.*[/ ](ba|da)?sh' {} + | \
		while read -r script; do echo "sh -n $$script"; sh -n "$$script" || exit 1; done

audit: install-dev
	@$(BIN)/python -m tests.audit

# Some minutes, as root, with debootstrap and systemd-container.
walkthrough: install-dev
	$(BIN)/pytest -x -o faulthandler_timeout=0 tests/deployments/walkthrough.py

constraints: install-dev
	$(BIN)/python -m tests.pins >constraints.txt

env-example: install
	$(BIN)/python -m telemetry_site.env_example >deployments/env.example

fmt: install-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
