# Every command there is. The first use makes .venv with Python 3.11+ and pip alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FOR ?=
NAME ?=
ARGS ?=

.PHONY: demo run test check ccxt docs bench lock clean

demo: $(VENV)/.run  ## everything at work on this machine; FOR=20s ends it by itself
	$(BIN)/microstream demo $(if $(FOR),--for $(FOR)) $(ARGS)

run: $(VENV)/.run  ## the service; ARGS="-c FILE"
	$(BIN)/microstream run $(ARGS)

test: check  ## lint, types, import contracts and all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: $(VENV)/.dev  ## lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

ccxt:  ## the simulator as ccxt reads it, in an environment of its own
	test -d .venv-ccxt || $(PYTHON) -m venv .venv-ccxt
	.venv-ccxt/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/ccxt.lock
	.venv-ccxt/bin/python -m pytest --noconftest tests/ccxt $(ARGS)

docs: $(VENV)/.dev  ## what is made from the code: docs/payloads/*.schema.json, docs/metrics.md
	$(BIN)/python tools/reference.py

bench: $(VENV)/.dev  ## benchmarks; NAME=decode runs one, NAME=soak FOR=1h the long one
	$(BIN)/python -m benchmarks $(NAME) $(if $(FOR),--for $(FOR)) $(ARGS)

lock:  ## pins every dependency anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --generate-hashes \
		pyproject.toml -o requirements/run.lock
	uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --generate-hashes \
		pyproject.toml --extra alerts -o requirements/alerts.lock
	uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --generate-hashes \
		pyproject.toml --extra history -o requirements/history.lock
	uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --generate-hashes \
		pyproject.toml --extra alerts --extra history --group dev -o requirements/dev.lock
	uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --generate-hashes \
		--group ccxt -o requirements/ccxt.lock
	uv pip compile -q --universal --python-version 3.13 --no-header --no-annotate --generate-hashes \
		--group cryptofeed -o requirements/cryptofeed.lock

clean:
	rm -rf $(VENV) .venv-ccxt .venv-cryptofeed .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/history.lock pyproject.toml | $(VENV)/bin/python
	@test -e $(VENV)/.dev || $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/history.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@ $(VENV)/.run
