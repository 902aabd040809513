# The targets that people look for. Everything that must pass before a change is merged is in .ci/run.

staticcheck = $(shell sed -n 's/^staticcheck="\(.*\)"$$/\1/p' .ci/run)

MANDIR ?= man

.PHONY: help test race lint cover bench fuzz man ci

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

test: ## run all tests of all modules
	go test work

race: ## run all tests with the race detector
	CGO_ENABLED=1 go test -race work

lint: ## check the format and the code, the imports and the calls between files
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet work
	go fix -diff work
	go run $(staticcheck) work
	.ci/arrows
	go run ./internal/tools/circles .

cover: ## show how many statements the tests reach
	go test -coverpkg=groupkit,groupkit/internal/...,groupkit/store/... -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -1

bench: ## run the benchmarks of the engine
	go test -run '^$$' -bench . -benchmem .

fuzz: ## run each fuzz target for 20 s
	.ci/fuzz

man: ## write the manual pages of groupctl into the folder $(MANDIR)
	go run ./cmd/groupctl man $(MANDIR)

ci: ## run everything that must pass
	.ci/run
