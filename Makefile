# Every command that a person needs. PYTHON=python3.12 chooses another interpreter.
PYTHON ?= python3
BIN := .venv/bin
RUN := PYTHONPATH=include:plugins PYTHONWARNINGS=ignore $(BIN)/python

.PHONY: help demo up test test-long test-distributed test-next check install doctor check-telegram check-sources formula-diff trace lint types ledger bench lock pictures setup clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: setup ## Post a demo network's latest reports through Airflow, and show the chat
	@$(RUN) -m demo report

up: setup ## Airflow with its UI, the demo CRM and the chat page, until Ctrl-C
	@$(RUN) -m demo up

test: setup ## Run the tests but for the long ones; ten minutes
	@$(RUN) -m pytest -n 4 -m "not long"

test-long: setup ## Run the tests that start whole Airflows, or try very many cases; a quarter of an hour
	@$(RUN) -m pytest -n 3 -m long

test-distributed: setup ## Run every DAG on two Celery workers as two machines; needs redis-server
	@$(RUN) -m pytest tests/distributed

test-next: setup ## Run the tests on the newest Airflow that there is, pre-releases included: make test-next TESTS=tests/pure
	@$(PYTHON) -m venv --clear .venv-next
	@$(BIN)/uv pip install --quiet --python .venv-next/bin/python --prerelease allow --upgrade \
	    --compile-bytecode -r requirements-dev.txt
	@PYTHONPATH=include:plugins PYTHONWARNINGS=ignore .venv-next/bin/python -m pytest -n 3 $(TESTS)

check: setup lint types test test-long ## Everything that CI runs

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/sqlfluff lint examples include/sql include/demo/crm tests/bench/limit.sql

types: setup
	@$(BIN)/mypy

ledger: setup ## Create or update the delivery ledger: make ledger POSTED_UNTIL=nothing
	@$(RUN) -m sancrm_reports.glue.ledger --posted-until "$(POSTED_UNTIL)" $(if $(TAKE_OVER),--take-over)

bench: setup ## Measure formulas on a large CRM, imports, memory and delivery; half an hour
	@PYTHONPATH=include:plugins:tests PYTHONWARNINGS=ignore $(BIN)/python tests/bench

install: ## Copy what belongs into an Airflow, and replace nothing of yours: make install TARGET=$$AIRFLOW_HOME
	@PYTHONPATH=plugins $(PYTHON) -m sancrm_reports.install "$(TARGET)" $(if $(CHANGED),--changed $(CHANGED))

doctor: ## Name what an installed Airflow lacks, in its own environment: make doctor TARGET=$$AIRFLOW_HOME
	@PYTHONPATH="$(or $(TARGET),.)/plugins" PYTHONWARNINGS=ignore $(PYTHON) -m sancrm_reports.glue.doctor

check-telegram: setup ## Ask Telegram about every chat in the settings; sends nothing
	@$(RUN) -m sancrm_reports.glue.check_telegram

check-sources: setup ## Ask the CRM whether the files in include/sql/sources/ give what they must
	@$(RUN) -m sancrm_reports.glue.check_sources $(if $(PERIOD),--period $(PERIOD) --report $(or $(REPORT),daily))

formula-diff: setup ## Show which figures the edited SQL changes: make formula-diff PERIOD=2026-10-15 REPORT=monthly, or PERIOD=frozen
	@$(RUN) -m sancrm_reports.glue.formula_diff --period $(PERIOD) --report $(or $(REPORT),monthly)

trace: setup ## Show the rows of a figure: make trace FIGURE=profit REPORT=monthly PERIOD=2026-10-15 BRANCH=3 FORMAT=csv
	@$(RUN) -m sancrm_reports.glue.figure_trace --figure $(FIGURE) --period $(PERIOD) --report $(or $(REPORT),monthly) \
	    $(if $(BRANCH),--branch $(BRANCH)) --format $(or $(FORMAT),table) $(if $(CUSTOMERS),--customers)

lock: setup ## Re-lock all dependencies from requirements.txt and requirements-dev.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --custom-compile-command "make lock" requirements.txt -o requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --custom-compile-command "make lock" -c requirements.lock requirements-dev.txt \
	    -o requirements-dev.lock

pictures: setup ## Redraw the pictures of docs/, with Chromium
	@$(RUN) -m demo.pictures

clean: ## Remove the virtual environment and the demo's data
	rm -rf .venv .venv-next .demo

setup: .venv/installed

# Bytecode is compiled once, here: without it every Airflow process starts three times slower.
.venv/installed: requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || \
	    { echo "Python 3.11 to 3.14 is needed, for example: make PYTHON=python3.12 demo"; exit 1; }
	@echo "Installing into .venv (a minute or two, once)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode $<
	@touch $@
