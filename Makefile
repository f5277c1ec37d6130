# Everything a developer types. `make help` lists it.

GO        ?= go
BIN       := bin
NFPM      := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
SBOM      := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
LINT      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VULN      := golang.org/x/vuln/cmd/govulncheck@v1.9.0
VULNDB    ?= https://vuln.go.dev
FUZZTIME  ?= 20s
T         ?=
# One package more than processors: some wait for time to pass.
TESTFLAGS ?= -p $(shell expr $$(nproc) + 1)
PARALLEL  ?= 1
REPEAT    ?= 1
KILLS     ?= 1000
YEARDAYS  ?= 366
MODELDEPTH ?= 6
LABFLAGS  ?=
PREFIX    ?= /usr/local
TARGETS   ?= amd64 arm64 arm riscv64 mips mipsle
IMAGES    ?= amd64 arm64 arm
FORMATS   ?= deb rpm apk ipk
VERSION   ?= $(shell git describe --tags --match 'v[0-9]*' 2>/dev/null || echo v0.0.0-$$(git rev-parse --short HEAD 2>/dev/null || echo unknown))
BUILD      = -trimpath -buildvcs=false -ldflags '-s -w -X github.com/wanctl/wanctl/pkg/cli.buildVersion=$(patsubst v%,%,$(VERSION))'

export GOMIPS := softfloat
export GOARM := 7

.DEFAULT_GOAL := help
.PHONY: help demo test race bench bench-scale bench-run lab faults kill year sim fuzz fmt vet lint vulncheck licences tidy gen cross binary notices build install uninstall packages clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: binary ## half a minute of the main job: embedded router, simulated link, nothing needed
	@$(BIN)/wanctl demo

test: ## all tests (root runs those in network namespaces too)
	$(GO) test $(TESTFLAGS) ./...

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

bench-run: binary ## what 1, 200 and 1000 WANs cost in one 'wanctl run', with routers in another process, as a table (3 min; root)
	@$(GO) test -c -o $(BIN)/scale.test ./pkg/sim/scale
	@unshare -n sh -c 'ip link set lo up && echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range && exec $(BIN)/scale.test -test.v -test.run TestScale -test.timeout 30m -scale.wanctl $(CURDIR)/$(BIN)/wanctl $(SCALE)'

lab: binary ## the real thing: kernel queues in network namespaces, TCP load (root, iperf3); REPEAT=3 shows the spread
	$(GO) test ./pkg/lab -count=1 -v -timeout 6h -run 'Lab(Shape|Steer)' -lab.full -lab.repeat $(REPEAT) $(LABFLAGS)

faults: binary ## every fault of the table tried on the running program, as a table and in faults.json (8 min; as root also networks and disks)
	$(GO) test ./pkg/sim/faults -count=1 -v -timeout 40m -parallel 8 -run 'TestFaults' -faults.all -faults.wanctl $(CURDIR)/$(BIN)/wanctl -faults.json $(CURDIR)/$(BIN)/faults.json

kill: binary ## kill -9 at KILLS moments, over each transport, and how soon the next start controls (6 min for 1000; it needs ping)
	$(GO) test ./pkg/sim/endurance -count=1 -v -timeout 60m -run TestKills -kills $(KILLS) -wanctl $(CURDIR)/$(BIN)/wanctl

.PHONY: lab-ha
lab-ha: binary ## several nodes and a router with real packets and netfilter: killed, paused, cut off, rebooted, as a table and in lab-ha.json; the delay of a line through a take-over (12 min; root, nft, iperf3)
	$(GO) test ./pkg/lab/halab -count=1 -v -timeout 60m -run TestFaults -halab.all -halab.kills 20 -halab.drains 5 -halab.wanctl $(CURDIR)/$(BIN)/wanctl -halab.json $(CURDIR)/$(BIN)/lab-ha.json $(LABFLAGS)
	$(GO) test ./pkg/lab -count=1 -v -timeout 20m -run TestLabTakeover -lab.full -lab.wanctl $(CURDIR)/$(BIN)/wanctl

.PHONY: model
model: ## every order of events of three nodes, MODELDEPTH (6) steps deeper than every test run: up to 17 to 22 steps (2 min, 1 GB at 6)
	$(GO) test ./pkg/ha -count=1 -v -timeout 120m -run TestEveryOrder -ha.depth $(MODELDEPTH)

year: ## a year of one WAN's loop in virtual time: baseline, writes, memory, month by month (20 to 40 min; YEARDAYS=30 for some)
	$(GO) test ./pkg/daemon/shape -count=1 -v -timeout 120m -run TestYear -year.days $(YEARDAYS)

sim: binary ## the law on the simulated link: the table of scenarios, with what misses its target
	@$(BIN)/wanctl sim link --seeds 20

fuzz: ## every fuzz target for FUZZTIME each (20s); T=FuzzName for one
	@found=$$(grep -rnHoE --include='*_test.go' '^func $(or $(T),Fuzz[A-Z][A-Za-z]*)\(f \*testing.F' cmd pkg | sed -E 's,/[^/]*:[0-9]+:func (.*)\(f .*,:\1,' | sort); \
	  test -n "$$found" || { echo "there is no fuzz target $(T); they are in: grep -rn '^func Fuzz' cmd pkg"; exit 1; }; \
	  for t in $$found; do \
	    echo "$$t"; $(GO) test "./$${t%:*}" -run '^$$' -fuzz "^$${t#*:}$$" -fuzztime $(FUZZTIME) -parallel $(PARALLEL) || exit 1; \
	  done

fmt: ## format
	gofmt -w cmd pkg

vet: ## go vet
	$(GO) vet ./...

lint: ## golangci-lint, pinned
	$(GO) run $(LINT) run ./...

vulncheck: ## known vulnerabilities in what the program calls; it needs the database (VULNDB)
	@out=$$($(GO) run $(VULN) -db '$(VULNDB)' ./... 2>&1); status=$$?; printf '%s\n' "$$out"; \
	  case $$status,$$out in \
	    0,*) ;; \
	    *'fetching vulnerabilities: '*) echo 'NOT CHECKED for known vulnerabilities: $(VULNDB) cannot be reached from here.';; \
	    *) exit 1;; \
	  esac

licences: ## the licence of each module in the binary; one that is not allowed fails
	@$(GO) run ./cmd/package licences

tidy: ## go.mod in step
	$(GO) mod tidy

.PHONY: pictures
pictures: ## pictures of the status page for the README: the real page in Chromium, the law on a simulated line (2 min)
	$(GO) test ./pkg/telemetry/page -count=1 -run TestPictures -page.pictures $(CURDIR)/.github/pictures

gen: ## completions/ and man/ from the commands, keys and cmd/gendocs/*.md, configs/*.schema.json from the keys
	$(GO) run ./cmd/gendocs

binary:
	@need=$$(sed -n 's/^go //p' go.mod); have=$$($(GO) env GOVERSION 2>/dev/null | sed 's/^go//'); \
	  test "$$(printf '%s\n' "$$need" "$${have:-0}" | sort -V | head -n 1)" = "$$need" || \
	  { echo "building wanctl needs Go $$need or newer; here is $${have:-none}: get it from https://go.dev/dl/" >&2; exit 1; }
	@CGO_ENABLED=0 $(GO) build $(BUILD) -o $(BIN)/wanctl ./cmd/wanctl

# An apk has the times of its scripts: those of the commit, so that two builds are equal.
notices:
	@mkdir -p dist && $(GO) run ./cmd/package notices > dist/notices.txt
	@touch -d "$$(git log -1 --format=%cI)" configs/package/*.sh

build: binary notices ## the binary, and the list of what `make install` installs, in bin/
	@$(GO) run ./cmd/package contents > $(BIN)/contents

cross: $(TARGETS:%=cross-%) ## does it build for what routers' neighbours run on?

.PHONY: $(TARGETS:%=cross-%)
$(TARGETS:%=cross-%): cross-%:
	@GOOS=linux GOARCH=$* CGO_ENABLED=0 $(GO) build $(BUILD) -o /dev/null ./cmd/wanctl && echo "linux/$*"

install: ## what `make build` built, below PREFIX (/usr/local); as root, Go is not needed
	@test -f $(BIN)/contents || { echo "run 'make build' first, as yourself"; exit 1; }
	@sh configs/package/install.sh install $(BIN)/contents "$(DESTDIR)" "$(PREFIX)"

uninstall: ## what `make install` installed, except for /etc
	@test -f $(BIN)/contents || { echo "run 'make build' first, as yourself"; exit 1; }
	@sh configs/package/install.sh uninstall $(BIN)/contents "$(DESTDIR)" "$(PREFIX)"

packages: notices ## archive, deb, rpm, apk and ipk of every architecture, SBOMs and checksums, in dist/; TARGETS=amd64 FORMATS=deb for one
	@for a in $(TARGETS); do \
	  GOOS=linux GOARCH=$$a CGO_ENABLED=0 $(GO) build $(BUILD) -o dist/wanctl-$$a ./cmd/wanctl || exit 1; \
	  for f in $(FORMATS); do \
	    $(GO) run ./cmd/package nfpm $$a $$f $(VERSION) > dist/nfpm.yaml && $(GO) run $(NFPM) package -f dist/nfpm.yaml -p $$f -t dist/ || exit 1; \
	  done; \
	  $(GO) run ./cmd/package archive $$a > dist/wanctl_$(patsubst v%,%,$(VERSION))_linux_$$a.tar.gz || exit 1; \
	  $(GO) run $(SBOM) bin -json -noserial -version $(VERSION) -output dist/wanctl-$$a.cdx.json dist/wanctl-$$a || exit 1; \
	  sed -i 's/"timestamp": "[^"]*"/"timestamp": "$(shell TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd)"/' dist/wanctl-$$a.cdx.json || exit 1; \
	done
	@rm dist/nfpm.yaml && cd dist && sha256sum wanctl* notices.txt > checksums.txt

.PHONY: reproducible
reproducible: ## packages once more, from another directory with another umask: the same bytes? after `make packages`
	@sh configs/package/reproducible.sh VERSION='$(VERSION)' TARGETS='$(TARGETS)' FORMATS='$(FORMATS)'

.PHONY: clean-root
clean-root: ## the package and `make install` in a Debian that has nothing else: install, run, upgrade, remove (1 min; root, debootstrap)
	$(GO) test ./cmd/package -count=1 -v -run TestCleanRoot -cleanroot $(HOME)/.cache/wanctl-clean-root

.PHONY: image
image: ## a container image of each of IMAGES for docker, podman and RouterOS, without an engine, in dist/
	@for a in $(IMAGES); do \
	  GOOS=linux GOARCH=$$a CGO_ENABLED=0 $(GO) build $(BUILD) -o dist/wanctl-$$a ./cmd/wanctl && \
	  rm -rf dist/rootfs-$$a && sh configs/container/rootfs.sh dist/rootfs-$$a dist/wanctl-$$a && \
	  $(GO) run ./cmd/package image $$a dist/rootfs-$$a $(VERSION) > dist/wanctl-image-$$a.tar || exit 1; \
	done

clean: ## what was built
	rm -rf $(BIN) dist
