# The Local Redirect Agent. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

CLANG ?= clang-14
CLANG_FORMAT ?= clang-format-14
ARCH_INCLUDE := /usr/include/$(shell uname -m)-linux-gnu

BPF_OBJECT := out/bpf/redirect.bpf.o
BPF_SOURCES := $(wildcard bpf/*.c bpf/*.h)
C_SOURCES = $(BPF_SOURCES) $(shell find tests -name "*.[ch]" -not -path "*/obj/*" -not -path "*/bin/*")

export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1

.PHONY: help setup build bpf test test-kernels lab-kernels test-image fuzz soak matrix bench lab image lint lint-vagrant clean

help: ## Show this list
	@echo 'Local Redirect Agent'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'lab, test and bench want root; what they need from Debian, setup installs.'

setup: ## Install what the other targets need from Debian (once; nothing when it is there)
	@tests/setup

build: setup bpf ## Build everything; leaves a runnable out/lra
	@echo '== build: out/lra'
	@dotnet publish src/Agent -c Release -o out --nologo -v quiet
	@dotnet build Agent.sln -c Release --nologo -v quiet
	@$(MAKE) --no-print-directory -s -C tests/lab CLANG=$(CLANG)

bpf: setup $(BPF_OBJECT) ## Compile the BPF programs

$(BPF_OBJECT): $(BPF_SOURCES)
	@echo '== bpf: $@'
	@mkdir -p $(@D)
	@$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Ibpf -I$(ARCH_INCLUDE) -c bpf/redirect.bpf.c -o $@

test: build ## Run all tests (root with BPF: none is skipped)
	@tests/manifest-tools
	@tests/run

test-kernels: bpf ## The BPF programs on kernels 5.10, 6.1, 6.12 and the newest in Debian, under qemu (2 minutes, x86-64)
	@tests/setup kernels
	@$(MAKE) --no-print-directory -s -C tests/lab CLANG=$(CLANG)
	@$(MAKE) --no-print-directory -s -C tests/kernels
	@tests/kernels/run

lab-kernels: build image ## The lab's tour with the image's agent on the same kernels (BASE=local as for image; 8 minutes, x86-64)
	@tests/setup kernels
	@tests/setup image
	@tests/manifest-tools
	@tests/image/unpack
	@tests/kernels/tour

test-image: build image ## Run the image under runc as the DaemonSet has it, and the lab's tests with it (BASE=local as for image)
	@tests/setup image
	@tests/manifest-tools
	@tests/image/run

fuzz: build ## Feed the parsers, the cache, TCP framing and the configuration wrong input (SECONDS=120 TARGET= SEED= INPUT=hex)
	@dotnet tool restore --verbosity quiet
	@rm -rf out/fuzz && cp -r tests/Agent.Fuzz/bin/Release/net10.0 out/fuzz
	@dotnet sharpfuzz out/fuzz/Agent.Dns.dll && dotnet sharpfuzz out/fuzz/lra.dll Agent.Configuration
	@dotnet out/fuzz/Agent.Fuzz.dll --seconds "$(or $(SECONDS),120)" \
		--target "$(TARGET)" --seed "$(SEED)" --input "$(INPUT)"

soak: build ## Minutes in the lab with loss, delay, restarts, kills and stops: no wrong answer, none lost (MINUTES=10)
	@dotnet run -c Release --no-build --project tests/Agent.Soak -- --minutes "$(or $(MINUTES),10)"

matrix: build ## What upgrades and failures cost pods that ask through every shape of socket; prints a table (SECONDS=60 RATE=1000)
	@LRA_MATRIX_SECONDS="$(or $(SECONDS),60)" LRA_MATRIX_RATE="$(or $(RATE),1000)" \
		dotnet test tests/Agent.Lab.Tests -c Release --no-build --nologo --filter FullyQualifiedName~FailureMatrixTests; \
		status=$$?; cat out/matrix.md; exit $$status

bench: build ## Measure against unbound, dnsdist, knot-resolver, NodeLocal DNSCache and a constant responder (BENCH="hit-udp ..." picks lines)
	@dotnet run -c Release --no-build --project tests/Agent.Benchmarks -- $(BENCH)

lab: build ## Three machines as network namespaces: a pod's query redirected and answered, step by step
	@tests/lab/lab tour

image: ## Build the container image into out/ (BASE=local: pull nothing, on a Debian of its own; ARCH=arm64)
	@[[ "$(BASE)" != local ]] || tests/setup image
	@deploy/image/build

lint: setup bpf ## Check the format of the C# and C sources, and the scripts
	@echo '== lint: dotnet format, clang-format, shellcheck'
	@dotnet format Agent.sln --verify-no-changes
	@$(CLANG_FORMAT) --dry-run --Werror $(C_SOURCES)
	@shellcheck -x tests/setup tests/run .ci/run tests/lab/lab tests/kernels/run tests/kernels/fetch tests/kernels/tour tests/kernels/tour-init \
		vagrant/agent vagrant/nodelocal vagrant/queries vagrant/tour vagrant/provision/* \
		tests/manifest-tools tests/image/run tests/image/unpack tests/image/lra \
		deploy/image/build deploy/image/compile deploy/image/libraries deploy/image/toolchain

lint-vagrant: ## Have Vagrant check vagrant/Vagrantfile (installs vagrant and its libvirt provider, which are large)
	@tests/setup vagrant
	@cd vagrant && for cni in bridge cilium; do CNI=$$cni vagrant validate --ignore-provider || exit; done

clean: ## Remove what was built
	@rm -rf out src/*/bin src/*/obj tests/*/bin tests/*/obj
