# Everything installs itself into .venv from nothing but python3 (>= 3.11).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    := $(VENV)/.installed-run
# What breaks stores, networks and clocks: in `make test` once and briefly, by `make proofs` longer and by three seeds.
PROOFS := tests/faults tests/readers tests/clocks
# Tests wait about as much as they compute: a test process more than there are cores.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# A file at a time to each test process, in the order of tests/conftest.py.
SPREAD = -n $(WORKERS) --dist loadfile --no-loadscope-reorder
DEV    := $(VENV)/.installed-dev
# What the checkout is installed from; uv would look at pyproject.toml alone.
BUILD  := pyproject.toml hatch_build.py services/gateway/native/loops.c
INSTALL = $(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --reinstall-package causerie --editable .
UV     := $(BIN)/uv --quiet

.DEFAULT_GOAL := help
.PHONY: help run test test-user proofs partitions-proof upgrade-proof lint format bench connections loadtest plan-proof profile mutants soak dashboards dashboard-pictures alerts-proof lock audit clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

run: $(RUN)  ## start everything: stores, API, gateway, worker and the demo page (Ctrl-C stops it)
	@# On a leash held by make: it gets SIGTERM, and stops everything, when make itself is killed.
	@exec $(BIN)/python -I -S causerie/embedded/leash.py 15 $$PPID 0 0 $(BIN)/causerie run $(ARGS)

test: $(DEV)  ## the whole test suite against real stores; ARGS="tests/store -k seq" for a part
	@exec $(BIN)/pytest $(SPREAD) $(ARGS)

proofs: $(DEV)  ## the long proofs: stores and networks that fail for longer, by three seeds; wrong clocks, slow readers
	@for seed in $(or $(SEEDS),1 2 3); do \
	    echo "seed $$seed"; SEED=$$seed FAULT_SECONDS=3 $(BIN)/pytest $(SPREAD) $(PROOFS) $(ARGS) || exit 1; \
	done
	STORES=wide $(BIN)/pytest $(SPREAD) tests/journeys $(ARGS)

partitions-proof: $(DEV)  ## 300 messages a second for a minute while the daily upkeep finds everything wrong
	@PROOF_SECONDS=60 PROOF_ROWS=200000 exec $(BIN)/pytest -n 0 -s tests/operations/test_upkeep_under_load.py $(ARGS)

upgrade-proof: $(DEV)  ## the release before beside this one under traffic, and back; FROM=<tag or commit>
	@FROM=$(or $(FROM),HEAD) exec $(BIN)/pytest -n 0 -s tests/operations/upgrade_proof.py $(ARGS)

test-user:  ## for root: the suite as an ordinary user, in a copy of this checkout
	@.ci/as-user $(MAKE) --no-print-directory test ARGS="$(ARGS)"

lint: $(DEV)  ## style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV)  ## put the code into the one layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV)  ## the quick benchmarks, then every budget beside what was measured; ARGS="fanout_peers" for others
	@exec $(BIN)/python -m bench $(ARGS)

profile: $(DEV)  ## where a hot path spends its time, by flame graph; ARGS="fanout post handshake history dispatch"
	@exec $(BIN)/python -m bench.profile $(ARGS)

mutants: $(DEV)  ## break our own code on purpose; each must be noticed by its test
	@exec $(BIN)/python -m mutants $(ARGS)

soak: $(DEV)  ## the long proof: everything broken on purpose, three seeds; ARGS="--seed 7 --scenario processes"
	@exec $(BIN)/python -m soak $(or $(ARGS),--seed 1 --seed 2 --seed 3)

.PHONY: rollout-ledger
rollout-ledger: $(DEV)  ## gateways replaced, added and removed under 2,000 connections; ARGS="--connections 200" for fewer
	@exec $(BIN)/python -m soak.rollout $(ARGS)

connections: $(DEV)  ## 100,000 connections on this machine, beside a floor in C; ARGS="--connections 6000" for fewer
	@exec $(BIN)/python -m bench.hundred_thousand $(or $(ARGS),--sizes 1000 10000 50000)

loadtest: $(DEV)  ## Locust on a platform of its own: 2,000 that chat; ARGS="--list" for others, up to 100,000
	@exec $(BIN)/python -m loadtest $(ARGS)

plan-proof: $(DEV)  ## runs at 2,000 and 5,000 connections must predict one at 20,000; thirteen minutes, nothing else running
	@exec $(BIN)/python -m loadtest.planner.proof $(ARGS)

dashboards: $(DEV)  ## dashboards and alerts, from the folder dashboards/ into the chart
	@exec $(BIN)/python -m dashboards

dashboard-pictures: $(DEV)  ## draw the dashboards for the documentation from a live platform; four minutes
	@exec $(BIN)/pytest -n 0 --timeout 600 tests/observability/draw_pictures.py

alerts-proof: $(DEV)  ## break everything that should call somebody, and see who is called; three minutes
	@exec env FAULTS=all $(BIN)/pytest -n 0 tests/observability/test_live.py $(ARGS)

lock: $(VENV)/bin/uv  ## resolve pyproject.toml again into the requirements files
	$(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-header $(UPGRADE) \
	    pyproject.toml -o requirements.txt
	$(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-header $(UPGRADE) \
	    --extra run -c requirements.txt pyproject.toml -o requirements-run.txt
	$(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-header $(UPGRADE) \
	    --all-extras -c requirements.txt pyproject.toml -o requirements-dev.txt
	$(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-header $(UPGRADE) \
	    --extra load -c requirements.txt pyproject.toml -o requirements-load.txt
	@# What the image is built with and does not keep.
	echo hatchling | $(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-header $(UPGRADE) \
	    -c requirements-run.txt - -o requirements-build.txt

.PHONY: chart-docs sbom test-cluster
chart-docs: $(DEV)  ## make the chart's README out of the comments in its values.yaml
	@$(BIN)/python charts/document.py

sbom:  ## what the image carries of Python's packages, as CycloneDX: make sbom > causerie.cdx.json
	@.ci/sbom

test-cluster: $(DEV)  ## install, test, upgrade, roll back, scale and evict on the cluster that kubectl names
	@exec $(BIN)/python -m tests.charts.live $(ARGS)

.PHONY: image-proof
image-proof: $(DEV)  ## build both images by docker or podman and try them on real stores; BASE=<mirror>, or IMAGE=<one that is there>
	@exec $(BIN)/pytest -n 0 --timeout 3600 tests/image/*_proof.py $(ARGS)

audit: $(VENV)/bin/uv  ## known vulnerabilities of what is locked; says so when it cannot find out
	@.ci/audit

clean:  ## forget the environment and the caches; data of `make run` stays in .data
	rm -rf $(VENV) services/gateway/native/*.so .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# uv comes by hash like everything else; an environment of another Python or a half-made one is made anew.
$(VENV)/bin/uv: requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "causerie needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	@echo "making $(VENV) …"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-uv.txt
	@touch $@

$(RUN): $(VENV)/bin/uv requirements-run.txt $(BUILD)
	@echo "installing what causerie runs on …"
	@$(UV) pip install --python $(BIN)/python --require-hashes -r requirements-run.txt
	@$(INSTALL)
	@touch $@

$(DEV): $(VENV)/bin/uv requirements-dev.txt $(BUILD)
	@echo "installing what the tests need …"
	@$(UV) pip install --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@$(INSTALL)
	@touch $@ $(RUN)
