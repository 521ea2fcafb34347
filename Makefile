# A door to Meson and Ninja. `make help` lists what there is.
BUILD ?= build
PREFIX ?= /usr/local

.PHONY: all help setup demo check check-long check-format bench bench-peers bench-train install uninstall deb musl-tarball check-packages clean

all: $(BUILD)/build.ninja            ## build; leaves build/hearth
	@ninja -C $(BUILD) programs

$(BUILD)/build.ninja:
	@scripts/setup build
	@meson setup $(BUILD) --prefix=$(PREFIX)

help:                                ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup:                               ## install what building, testing and the demo need (Debian, Ubuntu)
	@scripts/setup all

demo: $(BUILD)/build.ninja           ## train a small model, talk to it, verify it
	@ninja -C $(BUILD) hearth
	@scripts/demo $(BUILD)/hearth

check:                               ## install, build, run every test (under 20 minutes on 2 cores)
	@scripts/setup all
	@scripts/check

check-long: check                    ## the same and what takes long: arm64, 20 MB of tokens, references, longer fuzzing
	@scripts/setup long
	-@scripts/fetch-model
	-@scripts/fetch-vocabularies
	@scripts/check --long

bench: all                           ## prefill and decoding beside the limits measured here
	@scripts/bench $(BUILD)/hearth

bench-peers: all                     ## beside others on the same files: LLAMA_CPP=FOLDER IK_LLAMA_CPP=FOLDER (of binaries) ARGUMENTS="…"
	@scripts/bench-peers $(BUILD)/hearth --llama-cpp "$(LLAMA_CPP)" --ik-llama-cpp "$(IK_LLAMA_CPP)" $(ARGUMENTS)

bench-train: all                     ## training steps beside PyTorch's: PYTHON=a python3 with torch, ARGUMENTS="…"
	@ninja -C $(BUILD) tests/train/train_bench
	@$(or $(PYTHON),python3) bench/train_peers.py $(BUILD)/tests/train/train_bench $(ARGUMENTS)

install: all                         ## into PREFIX (/usr/local), DESTDIR is obeyed
	@meson configure $(BUILD) --prefix=$(PREFIX) >/dev/null
	@ninja -C $(BUILD) programs
	@meson install -C $(BUILD) --no-rebuild

deb:                                 ## build-deb/hearth_VERSION_ARCH.deb of what is committed
	@scripts/setup package
	@scripts/make-deb

musl-tarball:                        ## one static program, its libraries from Debian's sources (docs/install.md)
	@scripts/setup package
	@scripts/make-musl

check-packages:                      ## install the package in a clean Debian root, start the service and ask it (needs root)
	@scripts/setup package
	@scripts/check-packages

uninstall:
	@ninja -C $(BUILD) uninstall

clean:                               ## remove the build folders
	@rm -rf $(BUILD) build-*
