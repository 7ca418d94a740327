# The commands of this repository. Each sets up what it needs; `make run` is the whole service on this machine.

.PHONY: help run test lint lint-template build packages bench bench-counts clean audit environment audit-environment sam-environment rehearsal-environment rehearse console runtime-python docs reference docs-environment plots plots-environment synapse-environment
.DEFAULT_GOAL := run

export SAM_CLI_TELEMETRY := 0
# Where this is set, Python compiles every module again in each process, and tests start many.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
SAM_VENV := .venv-sam
VENV_PYTHON := $(VENV)/bin/python
DEV_REQUIREMENTS := requirements/runtime.txt requirements/cli.txt requirements/dev.txt
SAM_REQUIREMENTS := requirements/sam.txt
AUDIT_VENV := .venv-audit
AUDIT_REQUIREMENTS := requirements/audit.txt
DOCS_VENV := .venv-docs
PLOTS_VENV := .venv-plots
DOCS_REQUIREMENTS := requirements/docs.txt
PLOTS_REQUIREMENTS := requirements/plots.txt
REHEARSAL_VENV := .venv-rehearsal
REHEARSAL_REQUIREMENTS := requirements/rehearsal.txt
SYNAPSE_VENV := .venv-synapse
SYNAPSE_REQUIREMENTS := requirements/synapse.txt

# The first Python that is new enough and can make environments: a name on the PATH may be a shim without anything behind.
FIND_PYTHON = for name in python3.13 python3.12 python3.11 python3; do \
	  $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && break; \
	  name=; \
	done; \
	if [ -z "$$name" ]; then echo "Python 3.11 or later, with venv, is needed." >&2; exit 1; fi

# Python of the functions' version, whose byte-code the layer holds: PYTHON if it is given, else what the PATH, pyenv or
# uv has. pip is needed too: it fetches the layer's libraries.
FIND_RUNTIME_PYTHON = found=; \
	for name in $(if $(PYTHON),"$(PYTHON)",python3.13 python3 python \
	    "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13.*/bin/python3.13 "$$(uv python find --no-project 3.13 2>/dev/null)"); do \
	  found=$$("$$name" -c 'import sys, pip; sys.exit(sys.version_info[:2] != (3, 13) or print(sys.executable))' 2>/dev/null) && break; \
	  found=; \
	done; \
	if [ -z "$$found" ]; then echo "$(NO_RUNTIME_PYTHON)" >&2; exit 1; fi
NO_RUNTIME_PYTHON = $(if $(PYTHON),PYTHON=$(PYTHON) is not,There is no) Python 3.13 with pip: \
	make build PYTHON=<path> names one; pyenv install 3.13 or uv python install 3.13 makes one that is found.

# $(call environment,directory,requirement files,finder): an environment with exactly these packages. The stamp, named
# after the content of the files, is written last; without it, the environment is made anew, for pip takes half a package
# for a whole one. The finder sets `name` to a Python; without one, FIND_PYTHON does.
define environment
	@stamp=$(1)/.installed-$$(cat $(2) | cksum | tr ' ' '-'); \
	if [ -e "$$stamp" ] && $(1)/bin/python -c '' 2>/dev/null; then exit 0; fi; \
	$(or $(3),$(FIND_PYTHON)); \
	echo "setting up $(1) with $$($$name --version), which takes about half a minute ..."; \
	rm -rf $(1) && $$name -m venv $(1) && \
	$(1)/bin/python tools/install.py $(lastword $(2)) && \
	touch "$$stamp"
endef

help: ## shows this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1@\2/p' $(lastword $(MAKEFILE_LIST)) | awk -F@ '{printf "%-19s %s\n", $$1, $$2}'

run: environment ## runs the whole service on http://127.0.0.1:8080 and prints how to use it; PARLEY_PORT is the port
	@exec $(VENV_PYTHON) -m local

# Test files run side by side in four processes, on two cores too, because many tests wait. Each process has emulators of its own.
WORKERS = 4

test: environment ## runs every test
	$(VENV_PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: environment ## checks style, types, spelling and the descriptions in OpenAPI
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy
	$(VENV)/bin/codespell
	$(VENV)/bin/openapi-spec-validator docs/openapi/*.json

lint-template: sam-environment ## checks the templates with SAM and cfn-lint
	$(SAM_VENV)/bin/sam validate --lint --template template.yaml --region us-east-1
	$(SAM_VENV)/bin/cfn-lint template.yaml templates/*.yaml

docs: docs-environment ## builds the site of the documents in site/, and checks its links
	@NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict

reference: environment ## writes the API reference, docs/reference/ and docs/openapi/, and docs/socket-frames.md
	$(VENV_PYTHON) -m tools.reference
	$(VENV_PYTHON) -m tools.socket_frames

audit: audit-environment ## looks for known faults in packages and for careless code
	$(AUDIT_VENV)/bin/python -m tools.audit $(AUDIT_VENV)/bin

# $(call sam_build,environment and options): SAM looks for the functions' Python on the PATH, under its name.
define sam_build
	@$(FIND_RUNTIME_PYTHON); \
	mkdir -p .aws-sam/runtime && \
	printf '#!/bin/sh\nexec "%s" "$$@"\n' "$$found" >.aws-sam/runtime/python3.13 && \
	chmod +x .aws-sam/runtime/python3.13 && \
	PATH="$(CURDIR)/.aws-sam/runtime:$$PATH" PYTHON="$$found" LAYER_PLATFORM=$(1) $(SAM_VENV)/bin/sam build $(2)
endef

build: sam-environment ## builds what sam deploy deploys, in .aws-sam/
	$(call sam_build,lambda)
	@$(SAM_VENV)/bin/python -m tools.built

rehearse: environment sam-environment rehearsal-environment ## deploys to an emulator of AWS with sam deploy, and plays the story on it
	$(call sam_build,native,--build-dir .aws-sam/rehearsal)
	$(VENV_PYTHON) -m rehearsal $(CURDIR)/$(SAM_VENV)/bin/sam $(CURDIR)/$(REHEARSAL_VENV)/bin/python

runtime-python:
	@$(FIND_RUNTIME_PYTHON); echo "$$found"

console: environment ## uploads the console to a deployed stack: make console STACK=parley
	@$(if $(STACK),,echo "make console STACK=<name of the stack>" >&2; exit 1;) \
	$(VENV_PYTHON) -m cli.site $(STACK) $(REGION)

packages: environment ## builds the packages of both clients, in dist/
	rm -rf dist && mkdir dist
	$(VENV_PYTHON) -m build --no-isolation --outdir dist clients/python
	npm pack --silent --pack-destination dist ./clients/js

# Only the part `synapse` needs its environment. That part runs if it is named, and if there is nothing but --publish.
bench: environment $(if $(filter synapse,$(BENCH))$(if $(filter-out --publish,$(BENCH)),,all),synapse-environment) ## measures every claim about speed and cost, and prints each figure beside its goal
	$(VENV_PYTHON) -m bench $(BENCH)

bench-counts: environment ## measures what any machine finds the same, and fails if a count has grown
	$(VENV_PYTHON) -m bench --counted

plots: plots-environment ## draws the plots of the published measurements
	$(PLOTS_VENV)/bin/python bench/plots.py

clean: ## removes environments, builds and everything that the local service has stored
	@if [ -f .parley/lock ] && kill -0 "$$(cat .parley/lock)" 2>/dev/null; then \
	  echo "Parley is running, process $$(cat .parley/lock): stop it first." >&2; exit 1; \
	fi
	rm -rf $(VENV) $(SAM_VENV) $(AUDIT_VENV) $(DOCS_VENV) $(PLOTS_VENV) $(REHEARSAL_VENV) $(SYNAPSE_VENV) .parley .aws-sam dist site .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

environment:
	$(call environment,$(VENV),$(DEV_REQUIREMENTS))

sam-environment:
	$(call environment,$(SAM_VENV),$(SAM_REQUIREMENTS))

audit-environment:
	$(call environment,$(AUDIT_VENV),$(AUDIT_REQUIREMENTS))

docs-environment:
	$(call environment,$(DOCS_VENV),$(DOCS_REQUIREMENTS))

plots-environment:
	$(call environment,$(PLOTS_VENV),$(PLOTS_REQUIREMENTS))

# Matrix Synapse, beside which `bench synapse` measures the local stack.
synapse-environment:
	$(call environment,$(SYNAPSE_VENV),$(SYNAPSE_REQUIREMENTS))

# MiniStack runs functions with its own Python, and the layer holds byte-code of one version.
rehearsal-environment:
	$(call environment,$(REHEARSAL_VENV),$(REHEARSAL_REQUIREMENTS),$(FIND_RUNTIME_PYTHON); name=$$found)
