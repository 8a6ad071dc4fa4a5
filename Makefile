# Two commands: `make demo` and `make test`. Everything else serves them.
PYTHON ?= python3
SCALE ?= 0.1
YEARS ?= 3
SERVE ?= 1
PORT ?= 8501
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
# uv does not read pip's settings, so the index is handed to it: of the environment before a file's.
INDEX := $(BIN)/pip config list | sed -nE "s/^(:env:|global|install)\.index-url='(.*)'/\2/p" | head -n 1
UV := UV_DEFAULT_INDEX="$$($(INDEX))" $(BIN)/uv pip install --quiet --no-progress --system-certs \
  --python $(BIN)/python --no-deps
# Empty: the many processes that tests start read bytecode that the first of them has written.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo install test test-nightly lint lint-style lint-types lint-sql format chromium docs lock clean

install: $(VENV)/installed

# Locked by name and hash; the project itself is linked in without a build download. uv unpacks on
# all cores, in a tenth of pip's time; where it cannot reach the index, pip does the work. What
# packages bring of tests of their own stays uncompiled.
$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	$(PIP) --no-compile --require-hashes -r $(VENV)/uv.lock
	$(UV) --require-hashes -r requirements.lock || $(PIP) --no-compile --require-hashes -r requirements.lock
	$(BIN)/python -m compileall -qq -j 0 -x '/tests/' $(VENV)/lib anonymization dashboards pipelines || true
	$(PIP) --no-build-isolation -e .
	touch $@

demo: install
	$(BIN)/folkepuls demo --scale $(SCALE) --years $(YEARS) --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve)

chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	  { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	  echo "chromium is missing and cannot be installed here: page tests will be skipped"

# As many processes as cores: threads of their own would only wait for each other.
test: export POLARS_MAX_THREADS = 1
test: export OPENBLAS_NUM_THREADS = 1
test: install chromium
	$(BIN)/python -m pytest -m "not nightly" -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered
	$(BIN)/python tests/support/coverage_floor.py

test-nightly: install chromium
	$(BIN)/python -m pytest

# None has use of a second core: `make --jobs 3 lint` runs them side by side.
lint: lint-style lint-types lint-sql

lint-style: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# A clean checkout has no use for what mypy keeps for the next time.
lint-types: install
	$(BIN)/mypy $(if $(CI),--cache-dir=/dev/null)

lint-sql: install
	$(BIN)/sqlfluff lint --processes 1 dbt_project

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix dbt_project

docs: install
	$(BIN)/folkepuls docs build

lock: install
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-strip-extras --no-annotate --quiet -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .coverage
