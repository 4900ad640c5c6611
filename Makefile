# install   environment in .venv: locked packages, all extras, this package editable (TORCH=cuda for a GPU)
# radiomics the extra that stands apart for its size (1.5 GB): features of outlined regions, by MIRP
# demo      a complete run on a generated example; ends with the path of a report
# test      everything under tests/
# check     ruff, format, mypy: nothing is run
# docs      every link in the pages leads somewhere
# lock      resolve the packages again (ARGS=--upgrade for newer ones)
# clean     remove what the above made

PYTHON ?= $(shell command -v python3.11 || echo python3)
TORCH ?= cpu
JOBS ?= auto
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := .venv/.installed
CUDA := $(PIP) install --quiet --no-deps --require-hashes -r requirements-cuda.lock

.PHONY: install radiomics demo test check docs lock clean

install: $(STAMP)

# The lock is for one Python, and Debian's python3 comes without venv: say so before pip does in many lines.
$(STAMP): requirements.lock requirements-cpu.lock requirements-cuda.lock pyproject.toml
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo "Expected Python 3.11 with venv, found $$($(PYTHON) --version 2>&1)."; \
	  echo "Install python3.11 and python3.11-venv, or name one: make install PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --no-deps --require-hashes -r requirements.lock
ifneq ($(TORCH),cuda)
	$(PIP) install --quiet --no-deps --require-hashes -r requirements-cpu.lock || \
	  { echo "pip finds no CPU build of torch: installing the default one, with CUDA (about 3 GB)."; $(CUDA); }
else
	$(CUDA)
endif
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	$(PIP) check
	@touch $@

radiomics: install
	$(PIP) install --quiet --no-deps --require-hashes -r requirements-radiomics.lock

demo: install
	$(BIN)/scanwright demo -o demo

test: install
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --durations 10

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: install
	$(BIN)/python -m pytest -q tests/test_docs.py

# Not after install: that would install by the old lock what pyproject.toml no longer says.
lock:
	$(PYTHON) scripts/lock.py $(ARGS)

clean:
	rm -rf .venv build dist demo demo-data .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
