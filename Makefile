# Every command of the course; `make help` lists them. Works with GNU make 3.81 or later.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help lab test format lint build-check verify unit build site site-serve dist bench grade lock browser sandbox-tools clean FORCE

VENV := .venv/installed
IN_VENV = PATH="$(CURDIR)/.venv/bin:$$PATH" && export PATH &&
# In the order of tests/conftest.py, the long ones first; three at a time, since many wait for a browser,
# a server or a time limit.
PYTEST = python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=10

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

lab: $(VENV) ## open the lessons in JupyterLab (LAB_ARGS="--no-browser --port 8899" is passed on)
	@$(IN_VENV) exec jupyter lab -y --allow-root --ServerApp.ip=127.0.0.1 --ServerApp.root_dir="$(CURDIR)" \
		--LabApp.default_url=/lab/tree/notebooks --LabApp.extension_manager=readonly \
		--KernelManager.transport_encryption=auto $(LAB_ARGS)

test: lint verify unit ## run every check; what continuous integration runs

format: $(VENV) ## put the code into the house style
	$(IN_VENV) ruff check --fix . ; ruff format .

lint: $(VENV) ## style and types
	$(IN_VENV) ruff check . && ruff format --check . && mypy

build-check: $(VENV) ## the notebooks are up to date with their sources
	$(IN_VENV) TQDM_DISABLE=1 course build --check

verify: $(VENV) ## the rules that every lesson keeps, and the stored outputs
	$(IN_VENV) course verify

unit: $(VENV) browser sandbox-tools ## the tests in tests/ (PYTEST_ARGS="-m 'not browser'" is passed on)
	$(IN_VENV) $(PYTEST) $(PYTEST_ARGS) tests

build: $(VENV) ## rebuild the notebooks from their sources
	$(IN_VENV) TQDM_DISABLE=1 course build

site: $(VENV) ## make the pages to read, in build/site (SITE_ARGS="--repository owner/name" is passed on)
	$(IN_VENV) course site $(SITE_ARGS)

site-serve: site ## show these pages at http://127.0.0.1:8000
	$(IN_VENV) exec python -m http.server --bind 127.0.0.1 --directory build/site 8000

dist: $(VENV) ## make what a release brings, in build/dist: the students' zip and the wheel
	rm -rf build/dist
	$(IN_VENV) course release --to build/dist/students.zip && \
		python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/dist .

bench: $(VENV) ## measure (BENCH_ARGS names what)
	$(IN_VENV) python -m tests.bench $(BENCH_ARGS)

grade: $(VENV) sandbox-tools ## grade a sample class, in build/sample
	$(IN_VENV) python -m scripts.sample_class build/sample && cd build/sample && course grade 01_linear --report report.json

lock: $(VENV) ## remake requirements.lock from pyproject.toml (LOCK_ARGS=--upgrade takes newer versions)
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --all-extras --no-emit-index-url \
		--no-emit-find-links --custom-compile-command "make lock" $(LOCK_ARGS) pyproject.toml -o requirements.lock

browser: ## Chromium, for the tests that open a notebook
	@command -v chromium >/dev/null || scripts/apt.sh chromium || \
		{ echo "The browser tests need the command chromium: install it and run make again." >&2; exit 1; }

sandbox-tools: ## bubblewrap, for the tests that grade
	@command -v bwrap >/dev/null || scripts/apt.sh bubblewrap || \
		{ echo "The grading tests need bubblewrap's command bwrap: install it and run make again." >&2; exit 1; }

clean: ## remove caches (delete .venv as well to install afresh)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis build course_utils.egg-info
	find . -name .venv -prune -o -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# Made again when the lock has changed, when the folder was moved, or when its Python is gone.
USABLE := $(shell [ -x .venv/bin/python ] && grep -sF "$(CURDIR)/.venv" .venv/bin/activate)
$(VENV): requirements.lock pyproject.toml scripts/venv.sh $(if $(USABLE),,FORCE)
	@PYTHON="$(PYTHON)" scripts/venv.sh
