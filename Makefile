# Everything a newcomer or a contributor runs. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PORT ?= 8000

.PHONY: help demo check test coverage test-all edge fuzz bench chaos format lock screenshots clean
help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/runtime: requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/runtime
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/runtime ## Run the whole story on this machine, then keep serving (ONCE=1: stop after the story)
	@$(PY) manage.py demo --port $(PORT) $(if $(ONCE),--once)

check: $(VENV)/dev ## Lint, format, types, security, import rules, words, migrations, templates, styles, deployment settings
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/bandit -q -ll -c pyproject.toml -r taskjuice pagerduty_app workflows connections core bench tools manage.py
	$(VENV)/bin/lint-imports
	$(PY) -m tools.prose_check
	$(PY) manage.py makemigrations --check --dry-run
	git ls-files -z -- 'templates/*.html' | xargs -0 -r $(VENV)/bin/djade --check --target-version 5.2
	$(PY) -m tools.css_format --check
	SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))') \
	ENCRYPTION_KEYS=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(32))') \
	PUBLIC_BASE_URL=https://taskjuice.example ALLOWED_HOSTS=taskjuice.example \
	PAGERDUTY_CLIENT_ID=x PAGERDUTY_CLIENT_SECRET=y \
	$(PY) manage.py check --deploy --fail-level WARNING

format: $(VENV)/dev ## Put code, templates and styles into their one format
	$(VENV)/bin/ruff check --fix-only --quiet .
	$(VENV)/bin/ruff format --quiet .
	git ls-files -z -- 'templates/*.html' | xargs -0 -r $(VENV)/bin/djade --target-version 5.2 || true
	$(PY) -m tools.css_format

test: $(VENV)/dev ## The tests for every commit, in two to five minutes: on SQLite, without the slow ones
	$(PY) -m tests.run --quick

coverage: $(VENV)/dev ## The share of lines that `make test` runs; measuring takes twice as long
	@COVERAGE=1 $(PY) -m tests.run --quick

test-all: $(VENV)/dev ## All tests, on SQLite and on PostgreSQL (TESTED=1: but those of a `make test` just before)
	$(PY) -m tests.run $(if $(TESTED),--rest)

edge: $(VENV)/dev ## Prove what we promise of PagerDuty, against a sandbox that misbehaves (SHORT=1: a tenth of it)
	$(PY) -m bench.edge $(PROOF)

fuzz: $(VENV)/dev ## Send odd input to everything that takes input, by the hundred thousand (SHORT=1: a tenth of it)
	$(PY) -m bench.fuzz $(PROOF)

bench: $(VENV)/dev ## Hold the running product to its figures, to var/bench.json (SHORT=1: in minutes)
	$(PY) -m bench $(PROOF)

chaos: $(VENV)/dev ## Kill the running product in every way, and count what became of its events (SHORT=1: a twentieth)
	$(PY) -m bench.chaos $(PROOF)

COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"
lock: $(VENV)/runtime ## Write requirements*.lock anew, after a version in requirements*.txt was changed
	$(PY) -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(COMPILE) --output-file requirements.lock requirements.txt
	$(COMPILE) --constraint requirements.lock --output-file requirements-dev.lock requirements-dev.txt

screenshots: $(VENV)/dev ## Take the pictures of docs/ anew, with the browser tests that take one
	SCREENSHOTS=1 DATABASE_URL=sqlite:///var/test.sqlite3 $(PY) -m pytest -q -m browser $$(grep -l 'shoot(.*"' tests/flows/test_*.py)

clean: ## Remove what the commands above made, data of the demo included
	rm -rf $(VENV) var staticfiles
