# The commands of Batch Portal. `make` without a target prints them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test asterisk bench bench-calls trials lint format migrate demo requirements sbom clean

VENV := .venv
PYTHON := $(VENV)/bin/python
FLASK := $(PYTHON) -m flask --app wsgi
PIP := $(PYTHON) -m pip --disable-pip-version-check install -q
PIN := $(VENV)-pins/bin/python -m piptools compile -q --generate-hashes --no-strip-extras \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

# Without this, Flask prints a hint about .env at each command; the portal's own start loads it (.env.example).
export FLASK_SKIP_DOTENV := 1

help: ## Print the commands
	@sed -n 's/^\([a-z-]*\):.*## /make \1	/p' Makefile | expand -t 20

run: $(VENV)/installed ## Run the portal on HOST:PORT (127.0.0.1:8000) with DATABASE_URL (default: SQLite in instance/)
	@$(PYTHON) gunicorn.conf.py
	@$(FLASK) db upgrade
	@test -n "$$DATABASE_URL" || $(FLASK) demo --first-time
	@exec $(PYTHON) -m gunicorn wsgi:app

test: $(VENV)/installed-for-tests ## Run all tests on both databases and in Chromium; ARGS="-k search" selects some
	@$(PYTHON) -m tests.support.services prepare
	@exec $(PYTHON) -m pytest -n 4 $(ARGS)

asterisk: $(VENV)/installed-for-tests ## Run a real Asterisk that calls no one, to try a trunk with (Debian)
	@exec $(PYTHON) -m tests.support.asterisk

bench: $(VENV)/installed-for-tests $(VENV)-bench/installed ## Compare the portal's speed with alternatives (SHAPE=small for a quick run; ROUNDS=15)
	@$(PYTHON) -m tests.benchmarks

bench-calls: $(VENV)/installed-for-tests ## Compare batches of a thousand and of a million calls (SHAPE=small for a quick run)
	@$(PYTHON) -m tests.benchmarks.call_pages

trials: $(VENV)/installed-for-tests ## Run all trials at full size (hours); ARGS="callers --short" for a quick one, ARGS=--help
	@exec $(PYTHON) -m tests.trials $(ARGS)

lint: $(VENV)/installed-for-tests ## Check the code and its format
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

format: $(VENV)/installed-for-tests ## Format the code and fix what ruff can fix
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

migrate: $(VENV)/installed ## Upgrade the database to the newest schema
	@$(FLASK) db upgrade

demo: migrate ## Create the demo account, or reset its password and token
	@$(FLASK) demo

requirements: $(PYTHON) ## Pin the requirements with hashes; ARGS=--upgrade for newer versions
	@$(PYTHON) -m venv $(VENV)-pins
	@$(VENV)-pins/bin/python -m pip --disable-pip-version-check install -q pip-tools==7.6.2
	@export CUSTOM_COMPILE_COMMAND="make requirements"; \
	for file in requirements requirements-dev tests/support/postgresql tests/benchmarks/requirements; do $(PIN) $(ARGS) -o $$file.txt $$file.in || exit 1; done

sbom: $(VENV)/installed-for-tests ## Write the software bill of materials (CycloneDX) to build/sbom.cdx.json
	@$(PYTHON) -m tests.support.sbom build/sbom.cdx.json

clean: ## Remove everything these commands created except instance/
	rm -rf $(VENV) $(VENV)-pins $(VENV)-bench build .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PYTHON):
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			exec $$python -m venv --clear $(VENV); \
		fi; \
	done; \
	echo "Install Python 3.11 or newer with its venv module (on Debian: apt install python3-venv)." >&2; exit 1

$(VENV)/installed: $(PYTHON) requirements.txt
	@echo "Installing the requirements. The first time takes a minute."
	@$(PIP) --require-hashes -r requirements.txt
	@touch $@

$(VENV)/installed-for-tests: $(VENV)/installed requirements-dev.txt
	@echo "Installing the requirements of the tests. The first time takes a minute."
	@$(PIP) --require-hashes -r requirements.txt -r requirements-dev.txt
	@touch $@

$(VENV)-bench/installed: $(PYTHON) tests/benchmarks/requirements.txt
	@echo "Installing the requirements of the benchmark. The first time takes a minute."
	@$(PYTHON) -m venv --clear $(VENV)-bench
	@$(VENV)-bench/bin/python -m pip --disable-pip-version-check install -q --require-hashes -r tests/benchmarks/requirements.txt
	@touch $@
