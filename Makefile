# pixtral-wgpu. "make demo" and "make test" do all the set-up they need on
# Debian and Ubuntu: a machine with Go, gcc and make is enough.

BIN := bin/pixtral-wgpu
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
EXAMPLES := model/pocket/examples

.PHONY: all build viewer headers test-viewer demo test lint driver fuzz soak clients pocket-eval pocket-train pocket-items quant-report llamacpp mistral-evals eval-killed pixtral-12b page page-check test-page dist formula dist-tools dist-check dist-root deploy-check clean

all: build

build:
	go build -o $(BIN) ./cmd/pixtral-wgpu

# The same with a window for "view", by GLFW: it needs the headers of X11 and Wayland.
viewer: headers
	go build -tags viewer -o $(BIN) ./cmd/pixtral-wgpu

GLFW_NEEDS := x11 xrandr xinerama xcursor xi wayland-client xkbcommon
headers:
	@[ "$$(uname)" != Linux ] || pkg-config --exists $(GLFW_NEEDS) 2>/dev/null || { \
		echo "GLFW needs the headers of X11 and Wayland (of pkg-config's $(GLFW_NEEDS)): installing Debian's."; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends pkg-config xorg-dev libwayland-dev libxkbcommon-dev; }

# Opens the window on a display without a screen and uses it by keyboard and mouse;
# PIXTRAL_SHOTS=DIR keeps the screenshots.
test-viewer: driver headers
	@for p in Xvfb xdotool import xprop; do command -v $$p >/dev/null || missing=1; done; [ -z "$$missing" ] || { \
		echo "Installing a display without a screen, a keyboard and a mouse for it."; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends xvfb xdotool imagemagick x11-utils; }
	go vet -tags viewer ./gpu ./view ./cmd/pixtral-wgpu
	go test -tags viewer -count=1 -timeout 20m -v -run Window ./view

# A Vulkan adapter: whatever GPU the machine has, else Mesa's software driver.
driver: build
	@$(BIN) doctor >/dev/null 2>&1 || { \
		echo "No GPU adapter found: installing Mesa's software Vulkan driver."; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends mesa-vulkan-drivers; }

demo: driver
	@scripts/demo.sh $(BIN) $(EXAMPLES)

test: driver lint
	go test -timeout 20m ./...

lint:
	@files=$$(gofmt -l $$(go list -f '{{.Dir}}' ./...)); test -z "$$files" || { echo "gofmt: $$files"; exit 1; }
	go vet ./...
	go tool staticcheck ./...

# Each fuzz target for a minute (FUZZTIME to change it). Left to itself, go test
# would spend most of it on making what it finds smaller.
FUZZTIME ?= 60s
fuzz:
	@grep -rHoE '^func Fuzz[A-Za-z0-9]+' --include='*_test.go' . | sed 's/:func / /' | while read file target; do \
		dir=$$(dirname $$file); echo "== $$target in $$dir"; \
		go test $$dir -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x </dev/null || exit 1; \
	done

# 32 clients for five minutes (SOAK to change it), some of whom leave at random,
# read slowly, or send half of what they announce.
SOAK ?= 5m
soak: driver
	PIXTRAL_SOAK=$(SOAK) go test -count=1 -v -timeout 0 -run TestSoak ./web

# The official Python clients of OpenAI and Mistral, and curl, ask a server.
clients: driver bin/clients-venv/bin/python
	bin/clients-venv/bin/python web/clients/run.py $(BIN)

bin/clients-venv/bin/python: web/clients/requirements.txt
	python3 -m venv bin/clients-venv
	bin/clients-venv/bin/pip install -q -r $<
	@touch $@

# The embedded model's right answers to the held-out items, by kind, and where it
# looks; and what each weight format costs it.
pocket-eval: driver
	PIXTRAL_QUIZ=all go test -count=1 -v -run 'TestAccuracy|TestAttention' ./model/pocket/quiz

# Trains the embedded model from nothing into bin/pocket, with checkpoints: it goes
# on from where it was stopped. POCKET_ARGS="--steps 30" tries it; the model card
# says how long it takes, and on what. To embed the result, copy it to model/pocket.
POCKET := model/pocket
POCKET_MINUTES ?= 165
POCKET_ARGS ?=
POCKET_PYTHON ?= bin/pocket-venv/bin/python
pocket-train: $(POCKET_PYTHON)
	@$(POCKET_PYTHON) -c "import sys; sys.path.insert(0, '$(POCKET)'); import scenes; scenes.font_files()" || \
		$(SUDO) apt-get install -qy --no-install-recommends fonts-dejavu-core fonts-liberation
	@mkdir -p bin/pocket
	@cp $(POCKET)/tekken.json bin/pocket/
	$(POCKET_PYTHON) $(POCKET)/train.py --minutes $(POCKET_MINUTES) --checkpoint bin/pocket/pocket.pt --out bin/pocket $(POCKET_ARGS)

bin/pocket-venv/bin/python: $(POCKET)/requirements.txt
	python3 -m venv bin/pocket-venv
	bin/pocket-venv/bin/pip install -q -r $(POCKET)/requirements.txt

# Writes the held-out items again: the same, if the fonts are.
pocket-items: $(POCKET_PYTHON)
	$(POCKET_PYTHON) $(POCKET)/heldout.py --each 50 --out $(POCKET)/testdata

quant-report: driver
	PIXTRAL_QUIZ=all go test -count=1 -v -timeout 30m -run TestQuantReport ./model/pocket/quiz

# What llama.cpp says: the same tokens from a model that somebody else made, and
# from files that quantize wrote; and its server at --endpoint. Needs npm, git, g++,
# pip and ten minutes.
llamacpp: driver
	bench/llamacpp/smollm2.sh
	bench/llamacpp/quantized.sh
	bench/llamacpp/endpoint.sh

# The harness of Pixtral's announcement, as it is published, and ours: the same
# items, the same scores. MISTRAL_EVALS is where it lies, if it is there already.
MISTRAL_EVALS ?= bin/mistral-evals
mistral-evals: driver
	@[ -e $(MISTRAL_EVALS)/eval/run.py ] || git clone -q https://github.com/mistralai/mistral-evals $(MISTRAL_EVALS)
	@[ -e bin/eval-venv/bin/python ] || python3 -m venv bin/eval-venv
	bin/eval-venv/bin/pip install -q -r eval/testdata/harness/requirements.txt
	bin/eval-venv/bin/python eval/testdata/mistral_evals.py $(MISTRAL_EVALS) $(BIN)

# 200 held-out items asked by a process that is killed three times, and by one that
# is not: the same scores.
eval-killed: driver
	PIXTRAL_EVAL_ITEMS=200 go test -count=1 -v -timeout 30m -run TestEvalKilled ./cmd/pixtral-wgpu

# Pixtral 12B's true shapes: written, planned, loaded, one step of decoding.
pixtral-12b: driver
	scripts/pixtral-12b.sh $(BIN)

# The page is TypeScript, bundled by esbuild; the bundle is committed, so only
# who changes the page needs Node. page-check says whether it is what the
# sources make; test-page drives the page in Debian's chromium.
page: web/page/node_modules
	cd web/page && npx tsc --noEmit && node build.mjs

page-check: web/page/node_modules
	cd web/page && npx tsc --noEmit && node build.mjs --check

test-page: driver page-check
	@[ -n "$$CHROMIUM" ] || command -v chromium >/dev/null || { \
		echo "No chromium found: installing Debian's."; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends chromium; }
	cd web/page && node --test --test-concurrency=1 --test-timeout=180000 test/*.test.mjs

web/page/node_modules: web/page/package-lock.json
	cd web/page && npm ci
	@touch $@

# What people install, into bin/dist: archives for Linux and Windows, Debian
# packages, a Homebrew formula, checksums; on a Mac, archives for Macs, because
# Apple's frameworks are nowhere else. RELEASE_URL is where they will be put, for
# the formula; DIST_ARGS go to packaging, for example -maintainer "A B <a@b.c>".
DIST := bin/dist
RELEASE_URL ?=
DIST_ARGS ?=
ifeq ($(shell uname -s),Darwin)
TARGETS ?= darwin/arm64 darwin/amd64
else
TARGETS ?= linux/amd64 linux/arm64 windows/amd64
endif
VERSION = $(word 1,$(SOURCES))
SOURCES = $(shell scripts/version.sh)

dist: dist-tools
	go run ./packaging -version $(VERSION) -commit $(word 2,$(SOURCES)) -time $(word 3,$(SOURCES)) -out $(DIST) -url '$(RELEASE_URL)' $(DIST_ARGS) $(TARGETS)
	@[ "$$(uname -s)" = Darwin ] || packaging/check.sh $(DIST) $(VERSION)

# Checksums and formula of the archives that are there, Macs' put beside the others.
formula:
	go run ./packaging -version $(VERSION) -out $(DIST) -url '$(RELEASE_URL)'

dist-check:
	packaging/check.sh $(DIST) $(VERSION)

# Compilers for the other systems, and what starts their programs here.
CROSS := gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-mingw-w64-x86-64 qemu-user-static wine64 wine xvfb xauth unzip
dist-tools:
	@[ "$$(uname -s)" = Darwin ] || dpkg -s $(CROSS) >/dev/null 2>&1 || { \
		echo "Installing compilers for other systems, qemu and wine."; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends $(CROSS) mesa-vulkan-drivers; }

# An arm64 Debian with Mesa, in which packaging/check.sh makes the emulated program
# compute: make dist-root, then make dist-check ARM64_ROOT=$$PWD/bin/arm64.
dist-root:
	@command -v mmdebstrap >/dev/null || $(SUDO) apt-get install -qy --no-install-recommends mmdebstrap
	rm -rf bin/arm64
	$(SUDO) mmdebstrap --variant=extract --architectures=arm64 --include=mesa-vulkan-drivers,libvulkan1,libgcc-s1 \
		$$(. /etc/os-release && echo $$VERSION_CODENAME) bin/arm64

# The manifests of deploy, against the schemas of what reads them.
deploy-check:
	deploy/check.sh

clean:
	rm -rf bin
