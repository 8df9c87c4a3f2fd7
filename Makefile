# Everything runs in .venv, made on first use and renewed when pyproject.toml or constraints.txt change.
PYTHON ?= python3
# Installed first and alone, so that nothing else chooses a build. For the smaller CPU build on Linux:
#   make test TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch==2.13.0
OUT ?= build/demo
BIN := .venv/bin
BENCHMARKS := inversion edit_speed memory colour_edits consistency service_overhead previews generated_requests scrubbing

.PHONY: help demo test test-hosts lint format bench install

help:
	@echo "make demo    render the demo shot, edit it, write $(OUT)/report.html"
	@echo "make test    run all tests"
	@echo "make test-hosts  install real hosts into build/hosts, run the panel in them"
	@echo "make lint    lint, format check, types, import contracts"
	@echo "make format  rewrite the sources in the project's format"
	@echo "make bench   run the benchmarks (long); they print their figures"

demo: .venv/installed
	$(BIN)/tokenflow demo $(OUT) --overwrite

test: .venv/installed
	$(BIN)/pytest

# Real hosts, each in an environment of its own; what cannot be had is named at the end.
test-hosts: .venv/installed
	tests/plugin/for_real/run $(BIN)

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name; done

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv: once, about 2 GB without CUDA, some minutes in which nothing is printed"
	$(BIN)/python -m pip install --disable-pip-version-check -q $(TORCH)
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	touch $@
