# Everything a fresh clone needs: python3 (3.11 or newer), make and a package index.
#
#   make demo     set up .venv and show the whole loop
#   make test     set up .venv with the tools; lint, types, layers, tests
#   make lint     the same without the tests
#   make torture  the fault tests for ten minutes: TORTURE_SECONDS=3600 longer, TORTURE_SEED=N again
#   make fuzz     a campaign of the fuzz tests (FUZZ_SECONDS=600, FUZZ_SEED: which one)
#   make bench    measure against others, and write benchmarks/RESULTS.md (ten minutes)
#   make wheel    build dist/hitl_mail-*.whl
#   make mutants  change the code of core, policy and review in thousands of ways and see that a
#                 test fails (hours; MODULE=core/said.py: of one module; docs/testing.md)
#   make docs     build the documentation as a site: build/docs/index.html
#   make man      write manual pages: build/man/*.1
#   make lock     write lock/*.txt anew from pyproject.toml (UPGRADE=1: newest versions)
#   make clean    remove what the others made
#
# Another interpreter: make PYTHON=python3.12 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV ?= uv
FUZZ_SECONDS ?= 600
FUZZ_SEED ?=

VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
CREATED := $(VENV)/.python-$(VERSION)
RUN := $(VENV)/.run
TEST := $(VENV)/.test
MUTANTS := $(VENV)/.mutants

PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

.PHONY: help demo test lint torture fuzz mutants docs man lock wheel bench clean
.NOTPARALLEL:

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

demo: $(RUN)
	@$(BIN)/python -m hitl_mail demo

test: lint
	@echo '== tests (pytest)'
	@$(BIN)/python -m pytest

lint: $(TEST)
	@echo '== lint (ruff check)'
	@$(BIN)/ruff check --quiet .
	@echo '== format (ruff format --check)'
	@$(BIN)/ruff format --quiet --check . || { echo 'Mend with: $(BIN)/ruff format .' >&2; exit 1; }
	@echo '== types (mypy)'
	@$(BIN)/mypy --no-error-summary
	@echo '== layers (import-linter)'
	@$(BIN)/lint-imports > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }

torture: $(TEST)
	@TORTURE_SECONDS='$(TORTURE_SECONDS)' TORTURE_SEED='$(TORTURE_SEED)' $(BIN)/python -m tests.torture

fuzz: $(TEST)
	@$(BIN)/python -m tests.fuzz '$(FUZZ_SECONDS)' '$(FUZZ_SEED)'

mutants: $(MUTANTS)
	@$(BIN)/mutmut run --max-children 1 $(if $(MODULE),'hitl_mail.$(subst /,.,$(MODULE:.py=)).*')
	@$(BIN)/python -m tests.mutation $(MODULE)

wheel: $(TEST)
	@echo '== wheel (hatchling)'
	@$(BIN)/python -m hatchling build --target wheel

docs: $(TEST)
	@$(BIN)/mkdocs build --strict --quiet

man: $(TEST)
	@$(BIN)/python deploy/man_pages.py build/man

bench: $(TEST)
	@$(BIN)/python -m benchmarks $(BENCH)

lock:
	@command -v $(UV) > /dev/null || { echo 'make lock needs uv: python3 -m pip install uv' >&2; exit 1; }
	@echo '== lock/test.txt'
	@$(COMPILE) pyproject.toml --extra test --output-file lock/test.txt > /dev/null
	@echo '== lock/bench.txt, at the same versions'
	@$(COMPILE) pyproject.toml --extra bench --constraint lock/test.txt --output-file lock/bench.txt > /dev/null
	@echo '== lock/mutants.txt, at the same versions'
	@$(COMPILE) pyproject.toml --extra test --extra mutants --constraint lock/test.txt \
	  --output-file lock/mutants.txt > /dev/null
	@echo '== lock/run.txt, at the same versions'
	@$(COMPILE) pyproject.toml --constraint lock/test.txt --output-file lock/run.txt > /dev/null
	@echo '== lock/bench-langgraph.txt, for an environment of its own'
	@$(COMPILE) lock/bench-langgraph.in --output-file lock/bench-langgraph.txt > /dev/null

clean:
	@rm -rf $(VENV) .venv-bench build dist mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): $(CREATED) lock/run.txt
	@echo '== packages from lock/run.txt'
	@$(PIP_INSTALL) -r lock/run.txt
	@touch $@

$(TEST): $(CREATED) lock/test.txt
	@echo '== packages from lock/test.txt'
	@$(PIP_INSTALL) -r lock/test.txt
	@touch $@ $(RUN)

$(MUTANTS): $(TEST) lock/mutants.txt
	@echo '== packages from lock/mutants.txt'
	@$(PIP_INSTALL) -r lock/mutants.txt
	@touch $@

# The package runs from the checkout: a path file makes it importable, a wrapper is its command.
# -P keeps the caller's directory off the import path, as in an installed command.
$(CREATED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { \
	  echo 'hitl-mail needs Python 3.11 or newer; $(PYTHON) is $(if $(VERSION),$(VERSION),not to be run).' >&2; \
	  echo 'Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@echo '== $(VENV) with Python $(VERSION)'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); echo 'python3 -m venv failed; on Debian: apt-get install python3-venv' >&2; exit 1; }
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), \
	  "hitl_mail.pth").write_text(str(pathlib.Path.cwd()) + "\n")'
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -P -m hitl_mail "$$@"\n' > $(BIN)/hitl-mail
	@chmod +x $(BIN)/hitl-mail
	@touch $@
