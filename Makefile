# Everything a person does here. Nothing is needed but Python 3.11 or newer and make.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help install dev run test quick quick-judging quick-rest check format lint types chaos lock settings-doc \
	footprint bench-road bench-ingest bench-classify bench-track bench-notify

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' Makefile | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: ## install what running needs into .venv, from lock files with hashes
	@$(PYTHON) services/launcher/bootstrap.py

dev: ## install what tests and checks need, too
	@$(PYTHON) services/launcher/bootstrap.py --dev

run: install ## start everything with the demo's feeds; Ctrl-C drains and stops
	@$(BIN)/codegrey up --demo

test: dev ## run all tests, with a real Kafka and a real PostgreSQL
	@$(BIN)/pytest -q

# Two processes that each import one half of the program are faster than two that share all tests.
quick: dev ## run the tests that need no server
	@$(MAKE) --no-print-directory -j2 quick-judging quick-rest

JUDGING = tests/classifier tests/severity_cases tests/demo
quick-judging:
	@$(BIN)/pytest -q --no-header -m "not servers" $(JUDGING)

quick-rest:
	@$(BIN)/pytest -q --no-header -m "not servers" $(addprefix --ignore=,$(JUDGING))

check: dev format lint types test ## format, lint, types and tests

format:
	@$(BIN)/ruff format --check .

lint:
	@$(BIN)/ruff check .

types:
	@$(BIN)/mypy

KILLS ?= 40
SEED ?=
chaos: dev ## kill everything KILLS times (SEED=s repeats a run) and count the alerts
	@$(BIN)/python -m tests.chaos.run --kills $(KILLS) $(if $(SEED),--seed $(SEED))

bench-track: dev ## reports a second through the tracker, beside the bare inserts
	@$(BIN)/python -m bench.track

bench-ingest: dev ## feeds a second, beside a plain loop
	@$(BIN)/python -m bench.ingest

bench-classify: dev ## items a second through gate and judge
	@$(BIN)/python -m bench.classify

footprint: dev ## memory by process, CPU and disk a day of everything, with 300 feeds
	@$(BIN)/python -m bench.footprint

bench-notify: dev ## alerts a second through the notifier, beside a plain loop that sends the same
	@$(BIN)/python -m bench.notify

bench-road: dev ## items a second and seconds to the mailbox, beside a bare loop
	@$(BIN)/python -m bench.road

lock: ## write the lock files anew (needs `uv`)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q pyproject.toml -o locks/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q pyproject.toml --group dev -c locks/run.txt -o locks/dev.txt

settings-doc: dev ## write docs/settings.md anew
	@$(BIN)/python -m services.launcher.settings_doc > docs/settings.md
