# Two commands on a fresh machine: `make sweep` and `make test`. Both set up .venv first if it is missing or stale.
PYTHON ?= python3
BIN := .venv/bin
# Some images forbid Python its bytecode caches: then every one of the many processes started here compiles torch and
# pandas anew, most of its start. An empty value allows them.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: sweep test test-real test-cluster kill-storm benchmark

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
# imagecorruptions is for its photographs of frost alone, which need none of its dependencies.
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --no-deps imagecorruptions
	@touch $@

sweep: .venv/.installed
	$(BIN)/frequency-reg study=digits
	@$(BIN)/python -m analysis table outputs/digits
	@$(BIN)/python -m analysis report outputs/digits

test: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist worksteal -m "not slow"

test-real: .venv/.installed
	@test -d "$$FREQUENCY_REG_DATA" || { echo "set FREQUENCY_REG_DATA to a folder with cifar10/ and MNIST/"; exit 2; }
	$(BIN)/pytest -n auto -m "real_data or slow" --ignore tests/sweeps

# Real Slurm (Debian's slurmctld, slurmd, slurm-client and munge; root), a two-node Ray, PostgreSQL, optuna-dashboard.
test-cluster: .venv/.installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[slurm,ray,storage]'
	$(BIN)/pytest -n 0 tests/sweeps

KILLS ?= 200
kill-storm: .venv/.installed
	$(BIN)/python -m tests.sweeps.kill_storm $(KILLS)

benchmark: .venv/.installed
	@test -d "$$FREQUENCY_REG_DATA" || { echo "set FREQUENCY_REG_DATA to a folder with cifar10/"; exit 2; }
	$(BIN)/python benchmarks/training_throughput.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/function_throughput.py
	$(BIN)/python benchmarks/precision_agreement.py
	$(BIN)/python benchmarks/corruption_throughput.py
	$(BIN)/uv pip install --quiet --python $(BIN)/python hydra-joblib-launcher mlflow-skinny sqlalchemy alembic
	$(BIN)/python benchmarks/sweep_engine.py
	$(BIN)/python benchmarks/analysis_scale.py --runs 500 5000
