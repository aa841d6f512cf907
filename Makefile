# Sallyport's development commands: `make help` lists them.
#
# What is built and downloaded lies outside the checkout, below CACHE, and survives `make clean`; only bin/ is inside.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

CACHE := $(or $(SALLYPORT_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sallyport)
IMAGE ?= localhost/sallyport:dev
PROGRAMS := manager proxy kubectl-sallyport
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X github.com/sallyport-dev/sallyport/internal/version.version=$(VERSION)

# Path of the packages for lint-path, length of a fuzz run, and further arguments of `go test`.
P ?= ./...
FUZZTIME ?= 30s
TESTARGS ?=

# Tools are pinned by hack/tools and built once for each content of that module and each Go version.
TOOLS_SOURCE := hack/tools/go.mod hack/tools/go.sum $(wildcard hack/tools/*/*.go)
TOOLS := $(CACHE)/tools/$(shell { cat $(TOOLS_SOURCE); go env GOVERSION; } | sha256sum | cut -c1-16)
GOLANGCI_LINT := GOLANGCI_LINT_CACHE=$(CACHE)/golangci-lint $(TOOLS)/golangci-lint
CONTROLLER_GEN := $(TOOLS)/controller-gen
DEVCLUSTER := $(CACHE)/tools/devcluster

# The official JavaScript client, one of the clients in the end-to-end tests.
JS_SOURCE := test/e2e/testdata/js
JS_CLIENT := $(CACHE)/js/$(shell cat $(JS_SOURCE)/package-lock.json $(JS_SOURCE)/.npmrc | sha256sum | cut -c1-16)

# Where controller-gen finds RBAC and webhook markers; the API types have their own generators.
MARKED := paths=./controllers/... paths=./webhooks/... paths=./cmd/... paths=./internal/...

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-15s %s\n", $$1, $$2} /^##@ / {printf "\n%s\n", substr($$0, 5)}' $(firstword $(MAKEFILE_LIST))

##@ Code

.PHONY: generate
generate: $(TOOLS)/.built ## Generate the DeepCopy methods of api/
	$(CONTROLLER_GEN) object:headerFile=hack/boilerplate.go.txt paths=./api/...

.PHONY: manifests
manifests: $(TOOLS)/.built ## Generate CRDs, RBAC and webhook manifests below config/
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=config/crd/bases
	$(CONTROLLER_GEN) rbac:roleName=sallyport webhook $(MARKED) output:rbac:dir=config/rbac output:webhook:dir=config/webhook

.PHONY: chart
chart: $(TOOLS)/.built ## Generate the Helm chart's CRDs and templates from config/
	hack/chart.sh $(TOOLS)/kustomize

.PHONY: fmt
fmt: $(TOOLS)/.built ## Format all Go code
	$(GOLANGCI_LINT) fmt
	cd hack/devcluster && $(GOLANGCI_LINT) fmt -c ../../.golangci.yml
	cd hack/tools && $(GOLANGCI_LINT) fmt -c ../../.golangci.yml
	cd test/benchmask && $(GOLANGCI_LINT) fmt -c ../../.golangci.yml

.PHONY: lint
lint: lint-go lint-api lint-hack verify ## Run every linter and check that generated files are current

.PHONY: lint-go
lint-go: $(TOOLS)/.built ## Run golangci-lint on the main module
	$(GOLANGCI_LINT) run ./...

.PHONY: lint-api
lint-api: $(TOOLS)/.built ## Check api/ against the Kubernetes API conventions
	$(GOLANGCI_LINT) run -c .golangci-kal.yml ./api/...

.PHONY: lint-hack
lint-hack: $(TOOLS)/.built ## Run golangci-lint on the development modules
	cd hack/devcluster && $(GOLANGCI_LINT) run -c ../../.golangci.yml . ./internal/...
	cd hack/tools && $(GOLANGCI_LINT) run -c ../../.golangci.yml ./...
	cd test/benchmask && $(GOLANGCI_LINT) run -c ../../.golangci.yml ./...

.PHONY: lint-path
lint-path: $(TOOLS)/.built ## Run golangci-lint on some packages: make lint-path P=./internal/mask/...
	$(GOLANGCI_LINT) run $(P)

.PHONY: verify
verify: $(TOOLS)/.built ## Check that generated files, go.mod files and docs/dependencies.md are current
	hack/verify.sh

##@ Tests

.PHONY: test
test: $(DEVCLUSTER) ## Run all tests that need no node, with a real API server and a real MinIO where they need one
	$(DEVCLUSTER) build
	assets="$$($(DEVCLUSTER) assets)"; KUBEBUILDER_ASSETS="$$assets" SALLYPORT_MINIO=$(CACHE)/bin/minio go test -race -shuffle=on -timeout=10m $(TESTARGS) $$(go list ./... | grep -v -e '/internal/mask$$' -e '/internal/mask/')
	go test -shuffle=on -timeout=10m $(TESTARGS) ./internal/mask/...
	go test -race -shuffle=on -timeout=10m $(or $(TESTARGS),-run Shared) ./internal/mask # of the rest, each test is one goroutine
	cd hack/devcluster && go test -shuffle=on -timeout=10m . ./internal/...

.PHONY: e2e
e2e: install image-editors $(JS_CLIENT)/.installed ## Run the tests that need the node (brings it up, builds and installs first)
	env="$$($(DEVCLUSTER) env)"; eval "$$env"; PATH="$$PWD/bin:$$PATH" DEVCLUSTER="$(DEVCLUSTER)" JS_CLIENT="$(JS_CLIENT)" go test -tags=e2e -count=1 -timeout=40m $(TESTARGS) ./test/e2e/...

.PHONY: image-editors
image-editors: cluster-up
	files="$$(hack/editors.sh | sed 's/^/--add /')" && $(DEVCLUSTER) image load localhost/editors:dev --busybox --user 0 $$files

.PHONY: faults
faults: install ## Break what Sallyport runs on, on the node, and compare every byte (writes bin/faults.md; needs strace)
	rm -f bin/faults.md
	env="$$($(DEVCLUSTER) env)"; eval "$$env"; PATH="$$PWD/bin:$$PATH" DEVCLUSTER="$(DEVCLUSTER)" go test -tags=e2e -count=1 -timeout=20m -v ./test/faults -table="$$PWD/bin/faults.md" $(TESTARGS)

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (30s), two at a time on two processors
	hack/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: install ## Measure on the node what Sallyport adds, side by side with direct exec (BENCH="start echo bulk idle storage" takes some)
	go build -tags=e2e -o bin/bench ./test/bench
	env="$$($(DEVCLUSTER) env)"; eval "$$env"; DEVCLUSTER="$(DEVCLUSTER)" bin/bench

.PHONY: microbench
microbench: ## Run the benchmarks of the packages
	go test -run='^$$' -bench=. -benchmem $(TESTARGS) ./internal/...

.PHONY: bench-mask
bench-mask: ## Measure the masker side by side with public alternatives, on one core, and write the table into docs/benchmarks.md
	mkdir -p bin
	cd test/benchmask && go build -o ../../bin/benchmask .
	GOMAXPROCS=1 $$(command -v taskset >/dev/null && echo taskset -c 0) bin/benchmask docs/benchmarks.md

.PHONY: bulk
bulk: install ## Measure 500 MB through the gateway against a direct exec, on the node
	DEVCLUSTER=$(DEVCLUSTER) hack/bulk.sh

##@ Programs

.PHONY: build
build: ## Build the programs into bin/
	mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ $(PROGRAMS:%=./cmd/%)

.PHONY: image
image: build $(DEVCLUSTER) ## Build the image from bin/ and load it into the running node
	$(DEVCLUSTER) image load $(IMAGE) --add bin/manager=/manager --add bin/proxy=/proxy --user 65532 --entrypoint /manager

##@ Development node (needs root)

.PHONY: cluster-build
cluster-build: $(DEVCLUSTER) ## Build the node's programs (minutes the first time, then cached)
	$(DEVCLUSTER) build

.PHONY: cluster-up
cluster-up: $(DEVCLUSTER) ## Bring the node up, or leave it up
	$(DEVCLUSTER) up

.PHONY: cluster-status
cluster-status: $(DEVCLUSTER) ## Show what of the node runs, and where its kubeconfigs are
	$(DEVCLUSTER) status

.PHONY: cluster-down
cluster-down: $(DEVCLUSTER) ## Take the node down and remove everything it left on this machine
	$(DEVCLUSTER) down

.PHONY: install
install: cluster-up image ## Install Sallyport, as built from this checkout, into the node
	DEVCLUSTER=$(DEVCLUSTER) hack/install.sh

.PHONY: demo
demo: install ## Bring the node up and walk the main job on it, step by step, each one checked
	DEVCLUSTER=$(DEVCLUSTER) hack/demo.sh

.PHONY: demo-down
demo-down: cluster-down ## Remove what the demo left

##@ Housekeeping

.PHONY: tools
tools: $(TOOLS)/.built ## Build the pinned tools (golangci-lint, controller-gen, kustomize) into the cache

.PHONY: clean
clean: ## Remove bin/
	rm -rf bin

.PHONY: clean-cache
clean-cache: clean ## Remove everything that was built outside the checkout, too (take the node down first)
	rm -rf $(CACHE)

$(TOOLS)/.built:
	@echo "Building golangci-lint, controller-gen and kustomize (once, a few minutes) ..."
	mkdir -p $(TOOLS)
	cd hack/tools && go build -trimpath -ldflags '-s -w' -o $(TOOLS)/ tool
	touch $@

$(JS_CLIENT)/.installed:
	mkdir -p $(@D)
	cp $(JS_SOURCE)/package.json $(JS_SOURCE)/package-lock.json $(JS_SOURCE)/.npmrc $(@D)
	cd $(@D) && npm ci --no-progress
	touch $@

# `go build` knows best whether it is current, so it always runs; it takes a second when nothing changed.
.PHONY: $(DEVCLUSTER)
$(DEVCLUSTER):
	@mkdir -p $(@D)
	@cd hack/devcluster && go build -trimpath -o $@ .
