.DEFAULT_GOAL := help
.PHONY: help install install-dev app test slow lint

PYTHON ?= $(firstword $(foreach p,python3.11 python3.10 python3,$(shell command -v $(p) 2>/dev/null)))
VENV := .venv
RUN := $(VENV)/bin/python

help:
	@echo "make app      set up and open the page at http://127.0.0.1:7860"
	@echo "make test     set up and run the tests"
	@echo "make install  only set up"

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python found: install Python 3.11, then run this again."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] in ((3, 10), (3, 11)) else f"Python {sys.version.split()[0]} does not fit: stable-audio-tools needs 3.10 or 3.11. Install one of them, then run: make $(MAKECMDGOALS) PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(RUN) -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(RUN) -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed

install-dev: $(VENV)/.installed-dev

app: install
	$(RUN) app.py $(ARGS)

test: install-dev
	$(RUN) -m pytest -q -m "not slow" $(ARGS)

slow: install-dev
	$(RUN) -m pytest -q -m slow $(ARGS)

lint: install-dev
	$(RUN) -m ruff check .
