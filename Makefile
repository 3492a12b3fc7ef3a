# `make` alone lists the targets. Python 3.11 is the default if it is installed; PYTHON=... chooses another (3.11 to 3.13).
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(if $(shell $(name) --version 2>/dev/null),$(name))))
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup train reproduce release test slow long check format notebooks docs wheel facts bench clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 10

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,docs,ray,onnx]'
	touch $@

setup: $(INSTALLED) ## make .venv with the pinned packages

train: setup ## train cnn on the embedded sample of MNIST
	$(BIN)/zoo train cnn

reproduce: setup ## run RECIPE=cnn@mnist (or several) and check its expected score
	$(BIN)/python scripts/reproduce.py $(RECIPE)

release: setup ## train the recipe of NAME=cnn@mnist (or several) and write saved_models/NAME with its card
	$(BIN)/python scripts/release.py $(NAME)

test: setup ## run the tests except those marked slow or network
	$(BIN)/pytest -n 2 --dist loadfile

slow: setup ## run the slow tests except the long ones
	$(BIN)/pytest -n 2 --dist worksteal -m "slow and not long and not network" --durations=40

long: setup ## run the tests that take minutes each; CI skips them
	$(BIN)/pytest -n 2 --dist worksteal -m long

check: setup ## lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## format the code and apply lint fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: setup ## run the notebooks in place
	$(BIN)/python scripts/run_notebooks.py

docs: setup ## build the documentation in site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/mkdocs build --strict --quiet
	@echo "Open site/index.html. Its search box needs a server: $(BIN)/python -m http.server --directory site"

wheel: setup ## build the wheel and test it in an empty environment of each installed Python
	$(BIN)/python scripts/check_wheel.py

facts: setup ## measure the models' sizes for zoo/models/facts.json
	$(BIN)/python scripts/make_facts.py

bench: setup ## run the benchmarks one after the other; they append to benchmarks/results.csv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/input_pipeline.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/tokenizer.py
	$(BIN)/python benchmarks/text_buckets.py
	$(BIN)/python benchmarks/text_speed.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/headline.py
	$(BIN)/python benchmarks/distribution.py
	$(BIN)/python benchmarks/search.py
	$(BIN)/python benchmarks/prediction.py

clean: ## remove what make and the tests created, except runs/
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build dist site
