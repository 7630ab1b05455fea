# pixtral-wgpu. "make demo" and "make test" do all the set-up they need on
# Debian and Ubuntu: a machine with Go, gcc and make is enough.

BIN := bin/pixtral-wgpu
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
EXAMPLES := model/pocket/examples

.PHONY: all build viewer headers test-viewer demo test lint driver fuzz soak pocket-eval pocket-train pocket-items quant-report llamacpp mistral-evals pixtral-12b page page-check test-page clean

all: build

build:
	go build -o $(BIN) ./cmd/pixtral-wgpu

# The same with a window for "view", by GLFW: it needs the headers of X11 and Wayland.
viewer: headers
	go build -tags viewer -o $(BIN) ./cmd/pixtral-wgpu

headers:
	@pkg-config --exists x11 xrandr xinerama xcursor xi wayland-client xkbcommon 2>/dev/null || { \
		echo "Installing the headers of X11 and Wayland that GLFW needs."; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends pkg-config xorg-dev libwayland-dev libxkbcommon-dev; }

# Opens the window on a display without a screen and uses it by keyboard and mouse;
# PIXTRAL_SHOTS=DIR keeps the screenshots.
test-viewer: driver headers
	@for p in Xvfb xdotool import xprop; do command -v $$p >/dev/null || missing=1; done; [ -z "$$missing" ] || { \
		echo "Installing a display without a screen, a keyboard and a mouse for it."; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends xvfb xdotool imagemagick x11-utils; }
	go vet -tags viewer ./gpu ./view ./cmd/pixtral-wgpu
	go test -tags viewer -count=1 -v -run Window ./view

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

# The embedded model's right answers to the held-out items, by kind, and where it
# looks; and what each weight format costs it.
pocket-eval: driver
	PIXTRAL_QUIZ=all go test -count=1 -v -run 'TestAccuracy|TestAttention' ./model/pocket/quiz

# Trains the embedded model from nothing into bin/pocket, with checkpoints: it goes
# on from where it was stopped. POCKET_ARGS="--steps 30" tries it; the model card
# says how long it takes, and on what. To embed the result, copy it to model/pocket.
POCKET := model/pocket
POCKET_MINUTES ?= 107
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
# from files that quantize wrote. Needs npm, git, g++, pip and four minutes.
llamacpp: driver
	bench/llamacpp/smollm2.sh
	bench/llamacpp/quantized.sh

# The harness of Pixtral's announcement, as it is published, and ours: the same
# items, the same scores. MISTRAL_EVALS is where it lies, if it is there already.
MISTRAL_EVALS ?= bin/mistral-evals
mistral-evals: driver
	@[ -e $(MISTRAL_EVALS)/eval/run.py ] || git clone -q https://github.com/mistralai/mistral-evals $(MISTRAL_EVALS)
	@[ -e bin/eval-venv/bin/python ] || python3 -m venv bin/eval-venv
	bin/eval-venv/bin/pip install -q -r eval/testdata/harness/requirements.txt
	bin/eval-venv/bin/python eval/testdata/mistral_evals.py $(MISTRAL_EVALS) $(BIN)

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
	cd web/page && node --test --test-timeout=60000 test

web/page/node_modules: web/page/package-lock.json
	cd web/page && npm ci
	@touch $@

clean:
	rm -rf bin
