# `make demo` shows the detector at work, `make test` runs the tests; both set everything up by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEEDS := $(wildcard ../shared/data/seeds/*.txt)
DEMO := $(if $(SEEDS),$(SEEDS),$(wildcard tests/samples/*.txt))

.PHONY: demo test test-engines lint types contract check train quality bench fuzz bounds lock audit minimum release clean

demo: $(VENV)/ready
	@$(BIN)/detector score --exit-zero --format human $(DEMO)
	@mkdir -p build
	@$(BIN)/detector explain --exit-zero --output build/report.html $(firstword $(DEMO))

test: $(VENV)/ready
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest --nbmake --nbmake-timeout=300 notebooks

# datatrove, Ray and Spark (needs Java 17, on Debian openjdk-17-jre-headless): a gigabyte to install, and minutes to run.
test-engines: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,datatrove,ray,spark]'
	$(BIN)/python -m pytest -m engines -rs

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/ready
	$(BIN)/mypy

contract: $(VENV)/ready
	$(BIN)/lint-imports

check: test lint types contract

# The shipped model, from the written corpus and the data folder (see docs/data_card.md).
train: $(VENV)/ready
	$(BIN)/detector train --data ../shared/data --written training_data

quality: $(VENV)/ready
	$(BIN)/python benchmarks/quality.py

# Speed: each kernel by itself, then this project among its peers on the same documents.
bench: $(VENV)/ready
	$(BIN)/python -m pytest benchmarks --benchmark-only --benchmark-timer=time.process_time
	$(BIN)/python benchmarks/speed.py

# Coverage-guided fuzzing of everything that reads bytes, each target for FUZZ_SECONDS (Linux; see fuzz/run.py).
FUZZ_SECONDS ?= 60
fuzz: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	for target in $$($(BIN)/python fuzz/run.py --list); do \
	  echo "== $$target"; $(BIN)/python fuzz/run.py $$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 || exit 1; \
	done

# The kernels once more, with every index checked (they are compiled without checks otherwise).
bounds: $(VENV)/ready
	NUMBA_BOUNDSCHECK=1 DETECTOR_CACHE=build/bounds-checked $(BIN)/python -m pytest \
	  tests/test_tokens.py tests/test_scoring.py tests/test_hostile.py tests/test_shipped.py tests/signals

# What development and CI install, pinned with hashes; `make lock` after a change of pyproject.toml (needs uv).
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements-dev.lock

audit: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --requirement requirements-dev.lock --disable-pip

# The tests with the oldest versions that pyproject.toml allows, in a virtual environment of their own (needs uv).
minimum:
	uv pip compile pyproject.toml --extra dev --resolution lowest-direct --python-version 3.11 --quiet --output-file build/minimum.txt
	uv venv --quiet --allow-existing --python 3.11 build/minimum
	uv pip install --quiet --python build/minimum/bin/python --requirement build/minimum.txt
	DETECTOR_CACHE=build/minimum/cache PYTHONPATH=. build/minimum/bin/python -m pytest

# The packages and what is in them: dist/*.whl, dist/*.tar.gz, dist/sbom.cdx.json (CycloneDX).
release: $(VENV)/ready
	rm -rf dist build/release
	$(PYTHON) -m venv build/release
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build cyclonedx-bom
	$(BIN)/python -m build --outdir dist
	build/release/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
	build/release/bin/python -m pip uninstall --quiet --yes pip setuptools
	$(BIN)/cyclonedx-py environment build/release/bin/python --pyproject pyproject.toml --output-reproducible \
	  --output-format JSON --output-file dist/sbom.cdx.json
	cd dist && sha256sum * > SHA256SUMS

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %s" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist
