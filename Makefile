# Two commands do everything: `make repro` and `make test`. Each sets up .venv by itself when it is missing.
PYTHON ?= python3.11
# An environment that was set up with GPU=1 stays so.
LOCK := $(if $(or $(GPU),$(wildcard .venv/.ready-requirements-gpu.lock)),requirements-gpu.lock,requirements.lock)
UV := $(shell sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.lock)
READY := .venv/.ready-$(LOCK)

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Without bytecode every start of Python takes three times as long, and a stage is a start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup repro test test-slow check deps format bench docs lock clean

help:  ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: $(READY) local.yaml  ## set up .venv from the lock (GPU=1 for the CUDA libraries)

$(READY): $(LOCK) pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "pilsa needs Python 3.11, and $(PYTHON) was not found: install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	test -x .venv/bin/uv || .venv/bin/python -m pip install --quiet --disable-pip-version-check '$(UV)'
	.venv/bin/uv pip sync --quiet --compile-bytecode --require-hashes --python .venv/bin/python $(LOCK)
	.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --python .venv/bin/python --editable .
	.venv/bin/python -m compileall -q pipelines features
	@rm -f .venv/.ready-*
	@touch $@

# This clone's own, which git ignores. Plain `dvc repro` needs it; `pilsa use NAME` changes it.
local.yaml: | $(READY)
	@pilsa use

repro: $(READY)  ## rebuild the active competition and print its scores
	@pilsa repro

test: $(READY)  ## run the tests that prove the main path, in minutes
	pytest -n 2 --dist loadfile -m "not slow"

test-slow: $(READY)  ## run the rest: kills, study kernels, what each changed file redoes
	pytest -n 2 --dist loadfile -m slow

check: $(READY)  ## lint, format, types, import layers, DVC dependencies
	ruff check .
	ruff format --check .
	mypy
	pytest tests/test_layers.py tests/test_dvc_dependencies.py

deps: $(READY)  ## write what the stages of dvc.yaml depend on
	python -m pipelines.plumbing.stage_deps

format: $(READY)  ## format the code
	ruff check --fix .
	ruff format .

bench: $(READY)  ## measure side by side (benchmarks/); PILSA_DATA_DIR adds MNIST
	@for file in benchmarks/*.py; do python $$file || exit 1; done

docs: $(READY)  ## write docs/competition-file.md from the schemas
	python -c 'from pipelines.workspace import reference; print(reference.competition_page(), end="")' > docs/competition-file.md

lock: $(READY)  ## make the lock files anew from pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra dev --extra kernels pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra dev --extra kernels --extra gpu pyproject.toml -o requirements-gpu.lock

clean:  ## remove what the stages made (the cache of finished work stays)
	rm -rf data reports/*.html
	find submissions -name '*.csv' ! -name ledger.csv -delete
