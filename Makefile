# Everything a developer or an operator types. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help start test fuzz lint format admin demo load bench chaos soak verify up down clean need-node need-redis
SHELL := /bin/sh
INSTALLED := node_modules/.installed
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

start: $(INSTALLED) need-redis ## run the whole system here, without Docker, until Ctrl-C
	@npm run --silent start

test: $(INSTALLED) need-redis ## lint, then every test
	@npm run --silent lint
	@npm run --silent test

fuzz: $(INSTALLED) need-redis ## random segments and histories against the reference evaluator: make fuzz CASES=100000 SEED=1
	@FUZZ_CASES="$(or $(CASES),100000)" $(if $(SEED),FUZZ_SEED="$(SEED)") npm run --silent fuzz

lint: $(INSTALLED) ## style, types, the arrows between packages, unused code
	@npm run --silent lint

format: $(INSTALLED) ## write the style into the files
	@npm run --silent format

admin: $(INSTALLED) ## the administration tool: make admin ARGS="workspace list"
	@npm run --silent admin -- $(ARGS)

demo: $(INSTALLED) need-redis ## the demonstration: make demo REPO=path
	@REPO="$(REPO)" npm run --silent demo

load: $(INSTALLED) need-redis ## producers against a running stack: make load RATE=5000 DURATION=60 (HELP=1 lists all)
	@npm run --silent load

bench: $(INSTALLED) need-redis ## measured speed against the limits of this machine: make bench ONLY=B1,B2
	@npm run --silent bench

chaos: $(INSTALLED) need-redis ## a running load with seeded faults, then a recount: make chaos MINUTES=5 SEED=7
	@npm run --silent chaos

soak: $(INSTALLED) need-redis ## steady load, memory and parts watched: make soak MINUTES=10 RATE=5000
	@npm run --silent soak

verify: $(INSTALLED) ## recount the balance and compare the databases of the running local stack
	@npm run --silent admin -- verify

up: ## the same system from Docker images; writes .env with random secrets if there is none
	@scripts/make-env.sh
	@$(COMPOSE) up -d --build
	@echo "The API, the board and the keys: see .env (ports 8080 and 8081 of this machine unless set there)."

down: ## stop the Docker system; its data stays
	@$(COMPOSE) down

clean: ## remove what was built or installed here (not .muster, the local data)
	@rm -rf dist coverage node_modules

need-node:
	@scripts/need-node.sh

need-redis: need-node
	@scripts/need-redis.sh

$(INSTALLED): package-lock.json | need-node
	@echo "Installing the packages of package-lock.json."
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@
