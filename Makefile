# Yingda. `make` or `make help` lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BUF_VERSION := 1.75.0
BUF := .tools/node_modules/.bin/buf
PROTOS := $(wildcard proto/yingda/v1/*.proto)
SERVICES := $(wildcard proto/yingda/v1/*_service.proto)
CODE := sdk engine gateway models benchmarks examples tests
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test check lint types buf stubs proto train bench bench-full guard clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(VENV)/base ## Make .venv with everything that serving needs

demo: $(VENV)/base ## Start everything, send some messages, show what comes back (ARGS=--ci exits afterwards)
	@$(BIN)/yingda demo $(ARGS)

serve: $(VENV)/base ## Serve on 127.0.0.1:50051 with the data in ./data (ARGS="--help" lists the options)
	@$(BIN)/yingda serve --data-dir data $(ARGS)

test: $(VENV)/test ## Run the test suite but its slow part (PYTHON=python3.13 picks the interpreter, ARGS go to pytest)
	@$(BIN)/python -m pytest -m "not slow" $(ARGS)

check: lint types buf stubs ## Lint, types, contracts, generated stubs

lint: $(VENV)/dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

types: $(VENV)/dev
	$(BIN)/mypy
	$(BIN)/mypy examples/*.py

buf: $(BUF)
	$(BUF) lint

stubs: $(VENV)/dev
	@rm -rf build/stubs && mkdir -p build/stubs
	$(call generate,build/stubs)
	@diff -r -x __pycache__ -x __init__.py build/stubs/yingda/v1 sdk/yingda/v1 || { echo "sdk/yingda/v1 is not what proto/ generates: run 'make proto' and commit"; exit 1; }

proto: $(VENV)/dev ## Generate sdk/yingda/v1 from proto/
	@find sdk/yingda/v1 -name '*_pb2*' -delete
	$(call generate,sdk)

train: $(VENV)/train ## Train the shipped bundle again, encoder included (needs the public data; ARGS="--created DATE" as in its card)
	@$(BIN)/python -m models teacher
	@$(BIN)/python -m models train --pack models/packs/ecommerce $(ARGS)

bench: $(VENV)/base ## Measure throughput, CPU and latency in two minutes; prints JSON
	@$(BIN)/python -m benchmarks.load $(ARGS)

bench-full: $(VENV)/base ## Everything, in forty minutes: load, growth, held connections, memory; JSON, plots in build/bench.html
	@$(BIN)/python -m benchmarks.whole $(ARGS)

guard: $(VENV)/base ## Fail where a message costs 15 % more than is recorded (ARGS=--record records)
	@$(BIN)/python -m benchmarks.guard $(ARGS)

clean: ## Remove everything that was made, the data in ./data excepted
	rm -rf $(VENV) .tools build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

define generate
@$(BIN)/python -m grpc_tools.protoc -Iproto --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
  --python_out=$(1) --mypy_out=quiet:$(1) $(PROTOS)
@$(BIN)/python -m grpc_tools.protoc -Iproto --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
  --grpc_python_out=$(1) --mypy_grpc_out=quiet:$(1) $(SERVICES)
endef

# The stamps say which extras are installed; a changed pyproject.toml installs again.
$(VENV)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.11-3.13, or name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "$(PYTHON) is not 3.11-3.13: name one, as in make PYTHON=python3.12 ..."; exit 1; }
	@echo "setting up $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

define install
@echo "installing $(1)"
@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e './sdk[cli]' -e '$(1)'
@touch $@
endef

$(VENV)/base: pyproject.toml sdk/pyproject.toml | $(VENV)/python
	$(call install,.)

$(VENV)/test: $(VENV)/base
	$(call install,.[test])

$(VENV)/dev: $(VENV)/test
	$(call install,.[dev])

$(VENV)/train: $(VENV)/base
	$(call install,.[train])

$(BUF):
	@command -v npm >/dev/null || { echo "npm was not found: buf comes from the npm package @bufbuild/buf; install Node.js"; exit 1; }
	@npm install --silent --no-save --prefix .tools @bufbuild/buf@$(BUF_VERSION)
