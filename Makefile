# Two commands on a fresh machine: `make sweep` and `make test`. Both set up .venv first if it is missing or stale.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: sweep test test-real benchmark

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	@touch $@

sweep: .venv/.installed
	$(BIN)/frequency-reg study=digits
	@$(BIN)/python -m analysis table outputs/digits
	@$(BIN)/python -m analysis report outputs/digits

test: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto

test-real: .venv/.installed
	@test -d "$$FREQUENCY_REG_DATA" || { echo "set FREQUENCY_REG_DATA to a folder with cifar10/ and MNIST/"; exit 2; }
	$(BIN)/pytest -n auto -m "real_data or slow"

benchmark: .venv/.installed
	@test -d "$$FREQUENCY_REG_DATA" || { echo "set FREQUENCY_REG_DATA to a folder with cifar10/"; exit 2; }
	$(BIN)/python benchmarks/training_throughput.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/precision_agreement.py
