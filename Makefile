# make demo   the whole thing on this machine: lab, site.yml, a small load test
# make test   what CI runs
PYTHON ?= python3
BIN := .venv/bin
PLAYBOOK := $(BIN)/ansible-playbook

.DEFAULT_GOAL := help
.PHONY: help setup lab lab-down lab-status demo test unit molecule soak lint clean

help:
	@echo "make setup       install and build everything the lab needs (about a quarter of an hour the first time)"
	@echo "make lab         start the local lab: an empty AWS account"
	@echo "make lab-status  what runs, where its logs are, what is real and what a stand-in"
	@echo "make lab-down    end the lab with everything in it"
	@echo "make demo        lab, site.yml, a small load test"
	@echo "make test        lint, unit tests, and site end to end on a lab of its own"
	@echo "make soak        what takes longer than CI has time for"
	@echo "make clean       end the lab and remove what set-up made"

setup:
	@$(PYTHON) -m lab setup

lab: setup
	@$(BIN)/python -m lab up

lab-down:
	@$(PYTHON) -m lab down

lab-status:
	@$(PYTHON) -m lab status

demo: lab
	$(PLAYBOOK) playbooks/site.yml
	$(PLAYBOOK) playbooks/loadtest.yml

# The programs take minutes to compile on a new machine: the checks that do not need them run beside.
test:
	@$(PYTHON) -m lab packages
	@$(MAKE) --no-print-directory -j2 programs checks
	@$(MAKE) --no-print-directory go-test molecule

.PHONY: programs checks
programs:
	@$(BIN)/python -m lab programs
checks:
	@$(MAKE) --no-print-directory lint unit

# Cheapest first. ansible-test wants the collection at a path of its own, so it works on a copy.
lint: python-lint yaml-lint changelog-lint docs-lint ansible-lint sanity

.PHONY: python-lint yaml-lint changelog-lint docs-lint ansible-lint sanity
python-lint:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy lab
	@cd .ansible/collections && ../../$(BIN)/mypy --config-file ../../pyproject.toml ansible_collections/streamops/kafka_eks/plugins/module_utils
yaml-lint:
	@$(BIN)/yamllint -s .
changelog-lint:
	@$(BIN)/antsibull-changelog lint
docs-lint:
	@$(BIN)/python tests/sanity/docs.py --check
ansible-lint:
	@ANSIBLE_CONFIG=$(CURDIR)/ansible.cfg $(BIN)/ansible-lint -c .config/ansible-lint.yml --offline -q

sanity:
	@$(BIN)/python tests/sanity/ansible_test.py
unit:
	@$(BIN)/pytest -n 2 --dist loadfile tests/unit

# With the settings of the build, or Go would compile Kubernetes anew. Set-up puts a Go beside Python where there is none.
.PHONY: go-test
go-test: export PATH := $(CURDIR)/$(BIN):$(PATH)
go-test: export CGO_ENABLED := 0
go-test: export GOFLAGS := -trimpath
go-test: export GOTOOLCHAIN := local
go-test:
	@cd lab && unformatted=$$(go run cmd/gofmt -l .) && test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	@cd lab/go && go test -ldflags "-s -w" -vet=off .
	@cd lab/argocd && go test -ldflags "-s -w" -vet=off .

# The tests have a lab of their own: the one of make lab is left alone.
molecule: export LAB_DIR := $(CURDIR)/.lab/test
molecule: export LAB_PORT := 17800
molecule: export PATH := $(CURDIR)/$(BIN):$(PATH)
molecule:
	@$(BIN)/molecule test --scenario-name site --scenario-name argocd --scenario-name existing

# Not for CI: kills at every stage, and the figures that the project promises.
soak: setup
	$(BIN)/python tests/soak/kills.py
	$(BIN)/python tests/soak/nodes.py
	$(BIN)/pytest -n 2 tests/unit/playbooks/test_aws_layer.py -k killed_anywhere --every-write
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.aws_layer

clean:
	@for lab in .lab .lab/test .lab/soak .lab/benchmark; do LAB_DIR=$(CURDIR)/$$lab $(PYTHON) -m lab down; done
	rm -rf .venv .lab .ansible

.PHONY: docs
docs:
	@$(BIN)/python tests/sanity/docs.py
