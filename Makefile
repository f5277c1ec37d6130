# Everything a developer types. `make help` lists it.

GO        ?= go
BIN       := bin
LINT      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME  ?= 20s
REPEAT    ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test race bench bench-scale lab sim fuzz fmt vet lint tidy gen cross build install clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## half a minute of the main job: embedded router, simulated link, nothing needed
	@$(BIN)/wanctl demo

test: ## all tests (root runs those in network namespaces too)
	$(GO) test ./...

race: ## all tests under the race detector
	$(GO) test -race ./...

bench: ## benchmarks of the loop, the law, the link and the router client
	$(GO) test -run '^$$' -bench . -benchmem ./...

bench-scale: ## what 1 to 1000 WANs in one process cost and how late their ticks begin, as a table (3 min)
	@$(GO) test ./pkg/control -run '^$$' -bench WANs -benchtime 10x | awk ' \
	  BEGIN { print "| load | WANs | CPU of a core, each | all | late p50 | p99 | heap and stacks, each | goroutines | allocations/s | writes/s |"; \
	          print "|---|---|---|---|---|---|---|---|---|---|" } \
	  /^BenchmarkWANs/ { for (i = 3; i < NF; i += 2) v[$$(i + 1)] = $$i; split($$1, n, "[/-]"); \
	    printf "| %s | %d | %.3f %% | %.1f %% | %.1f ms | %.1f ms | %d KiB | %.0f | %.1f | %.1f |\n", n[2], n[3], \
	      v["cpu%/wan"], v["cpu%/wan"] * n[3], v["p50-ms"], v["p99-ms"], v["KiB/wan"], v["goroutines/wan"], v["allocs/s/wan"], v["writes/s/wan"] } \
	  /^(FAIL|panic|---)/ { print; bad = 1 } END { exit bad }'

lab: build ## the real thing: kernel queues in network namespaces, TCP load (root, iperf3); REPEAT=3 shows the spread
	$(GO) test ./pkg/lab -count=1 -v -timeout 60m -run 'Lab(Shape|Steer)' -lab.full -lab.repeat $(REPEAT)

sim: build ## the law on the simulated link: the table of scenarios, with what misses its target
	@$(BIN)/wanctl sim link --seeds 20

fuzz: ## every fuzz target for FUZZTIME
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test $$p -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) || exit 1; \
	  done; done

fmt: ## format
	gofmt -w cmd pkg

vet: ## go vet
	$(GO) vet ./...

lint: ## golangci-lint, pinned
	$(GO) run $(LINT) run ./...

tidy: ## go.mod in step
	$(GO) mod tidy

gen: ## completions/ and man/ from the commands and the manual of the law, configs/*.schema.json from the keys
	$(GO) run ./cmd/gendocs

build: ## the binary, in bin/
	@CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/wanctl ./cmd/wanctl

cross: ## does it build for what routers' neighbours run on?
	@for t in linux/amd64 linux/arm64 linux/arm linux/mipsle linux/riscv64; do \
	  echo "$$t"; GOOS=$${t%/*} GOARCH=$${t#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/wanctl || exit 1; done

install: build ## into /usr/local, with man pages, completions, reference files and their schemas
	install -D -m 755 $(BIN)/wanctl $(DESTDIR)/usr/local/bin/wanctl
	install -D -m 644 -t $(DESTDIR)/usr/local/share/man/man1 man/*.1
	install -D -m 644 -t $(DESTDIR)/usr/local/share/man/man7 man/*.7
	install -D -m 644 completions/wanctl.bash $(DESTDIR)/usr/local/share/bash-completion/completions/wanctl
	install -D -m 644 completions/_wanctl $(DESTDIR)/usr/local/share/zsh/site-functions/_wanctl
	install -D -m 644 completions/wanctl.fish $(DESTDIR)/usr/local/share/fish/vendor_completions.d/wanctl.fish
	install -D -m 644 -t $(DESTDIR)/usr/local/share/wanctl configs/*.yaml configs/*.schema.json

clean: ## what was built
	rm -rf $(BIN) dist
