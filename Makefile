# Everything a person or CI runs. `make quickstart` first.
PYTHON ?= python3
# Processes that run tests; 0 for one after the other.
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin

.PHONY: quickstart test test-llama check docs perf perf-peers nano clean help

help:            ## Show this list
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Xinheng needs Python 3.11 or newer; say make PYTHON=python3.11"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "Could not make $(VENV). On Debian and Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 2; }

# A stamp per set of extras; made again when the requirements change.
$(VENV)/.installed-quick: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --use-pep517 -c constraints.txt -e ".[report,llm,train,annotate]"
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --use-pep517 -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.installed-quick

quickstart: $(VENV)/.installed-quick  ## Install, and run the bundled sample from raw lines to a trained model, its scores and pages
	$(BIN)/xinheng quickstart

test: $(VENV)/.installed-dev  ## Install and run all tests, those of object stores on their own (tests/conftest.py)
	$(BIN)/pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder -m "not s3"
	$(BIN)/pytest -m s3

test-llama: $(VENV)/.installed-dev  ## Build llama.cpp's server in FOLDER (.llama), once, and run the tests of real servers on it
	$(BIN)/python -m tests.servers.llama_server $(or $(FOLDER),.llama)
	XINHENG_LLAMA=$(or $(FOLDER),.llama) $(BIN)/pytest tests/xinheng/chat/test_real_server.py tests/training/test_quantise.py

check: $(VENV)/.installed-dev  ## Style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

perf: $(VENV)/.installed-dev  ## Measure speed, memory and growth; prints tables, writes perf/results.json
	$(BIN)/python -m tests.perf
	XINHENG_PERF_SIZES=10000,100000 $(BIN)/python -m tests.perf.duplicates
	$(BIN)/python -m tests.perf.leaderboard
	$(BIN)/python -m tests.perf.publishing

perf-peers: $(VENV)/.installed-dev  ## The same work by other tools, installed into FOLDER (perf/peers): near-duplicates, chat, multiple choice, training
	$(BIN)/python -m tests.perf.peers $(or $(FOLDER),perf/peers)
	$(BIN)/python -m tests.perf.chat_peers $(or $(FOLDER),perf/peers)
	$(BIN)/python -m tests.perf.mcq_peers $(or $(FOLDER),perf/peers)
	$(BIN)/python -m tests.perf.train_peers

nano: $(VENV)/.installed-dev  ## Make the small model of our own from the sources of XINHENG_DATA, in FOLDER (runs/nano)
	$(BIN)/python -m app.nano $(or $(FOLDER),runs/nano)

# Another page's folder is never built into.
docs: SITE = $(or $(FOLDER),site)
docs: $(VENV)/.installed-dev  ## Build the documents as a site in FOLDER (site); open its index.html, no network needed
	@test ! -e "$(SITE)/index.html" -o -e "$(SITE)/objects.inv" || { echo "$(SITE) holds another site; say make docs FOLDER=..."; exit 2; }
	$(BIN)/sphinx-build -q -n -W --keep-going -b html -d $(VENV)/.doctrees docs $(SITE)
	@echo "$(SITE)/index.html"

clean:           ## Remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
