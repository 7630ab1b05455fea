# pixtral-wgpu. "make demo" and "make test" do all the set-up they need on
# Debian and Ubuntu: a machine with Go, gcc and make is enough.

BIN := bin/pixtral-wgpu
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
EXAMPLES := model/pocket/examples

.PHONY: all build demo test lint driver fuzz pocket-eval quant-report clean

all: build

build:
	go build -o $(BIN) ./cmd/pixtral-wgpu

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
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go tool staticcheck ./...

# Each fuzz target for a minute (FUZZTIME to change it).
FUZZTIME ?= 60s
fuzz:
	@for target in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs grep -hoE '^func Fuzz[A-Za-z0-9]+' | sed 's/func //'); do \
		dir=$$(dirname $$(grep -rlE "^func $$target\(" --include='*_test.go' .)); \
		echo "== $$target in $$dir"; go test $$dir -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) || exit 1; \
	done

# The embedded model's right answers to the held-out items, by kind; and what
# each weight format costs it.
pocket-eval: driver
	PIXTRAL_QUIZ=all go test -count=1 -v -run TestAccuracy ./model/pocket/quiz

quant-report: driver
	PIXTRAL_QUIZ=all go test -count=1 -v -timeout 30m -run TestQuantReport ./model/pocket/quiz

clean:
	rm -rf bin
