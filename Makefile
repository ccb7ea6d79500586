# SPDX-License-Identifier: GPL-2.0-only
# For people; what the module is made of stands in Kbuild.  Checks, tests and
# the demonstration run in a prepared Debian root (selftests/vm/prepare), so
# this host needs no more than git and make.

KDIR	?= /lib/modules/$(shell uname -r)/build
MODDIR	?= updates
HELPER	?= ours
# With Debian's headers neither kernel.release nor "make kernelrelease" says it.
RELEASE	= $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)
DEPMOD_BASE := $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH))

MODULE	:= nf_nat_sip_tcp
# sipnat needs libmnl; the module goes without.
MNL	= $(shell pkg-config --exists libmnl 2>/dev/null && echo yes)
NO_MNL	:= sipnat is left out, it needs libmnl: apt install libmnl-dev pkg-config
# A job server of this make is not at hand in there.
TESTBED	:= env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL selftests/vm
CHROOT	:= $(TESTBED)/chroot
# All helpers one after the other, unless one is named.
INTEROP_HELPER = $(if $(filter file,$(origin HELPER)),all,$(HELPER))
CALLS	?= 200
LOSS	?= 2
# What was said on the command line, and no more.
SIM_ARGS = $(foreach v,N SEED J START SAN OPT ARGS COUNTS,$(if $(filter command line,$(origin $(v))),$(v)='$($(v))'))

all: modules ## build the module and sipnat; what "make" alone does
	$(if $(MNL),@$(MAKE) tool,@echo "$(NO_MNL)")

help: ## this list
	@echo "Targets:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) | expand -t 14 | sed 's/^/  /'
	@echo "Variables: KDIR (modules, install) HELPER (demo, interop) KERNEL, IN_TREE (interop) NF_NAT_SIP_TCP_CACHE (test bed)"

modules: ## build the module for the kernel that KDIR names, by default the running one
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

tool: ## build sipnat, the tool to look at the module and to steer it
	@$(MAKE) -C userspace-tool

install: modules ## install module and sipnat (PREFIX=/usr/local DESTDIR=); as root
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_DIR=$(MODDIR) modules_install
	depmod $(DEPMOD_BASE) -a $(RELEASE)
	$(if $(MNL),$(MAKE) -C userspace-tool install,@echo "$(NO_MNL)")

uninstall: ## remove it again; as root
	rm -f $(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)/$(MODDIR)/$(MODULE).ko*
	depmod $(DEPMOD_BASE) -a $(RELEASE)
	$(MAKE) -C userspace-tool uninstall

demo: ## a call through NAT, shown step by step in a virtual machine (HELPER=ours|none|in-tree)
	@env -u MAKEFLAGS -u MAKELEVEL HELPER=$(HELPER) selftests/demo/run

interop: ## phones and servers that others wrote, a table peer x feature (HELPER=all|ours|in-tree|none FEATURES=a,b KERNEL=trixie)
	@env -u MAKEFLAGS -u MAKELEVEL HELPER=$(INTEROP_HELPER) selftests/interop/run

interop-calls: ## many calls in a row through two NATs with loss (CALLS=200 LOSS=2 KERNEL=trixie)
	@env -u MAKEFLAGS -u MAKELEVEL selftests/interop/run --calls $(CALLS) --loss $(LOSS)

check: ## whether the tree is good, an hour or more on two cores; the longest tests on one or two of the four kernels
	@selftests/check

check-long: ## the same, with longer fuzzing, every selftest three times, and endurance runs
	@selftests/check -l

style: ## static checks: checkpatch, sparse, W=1, cppcheck, clang-tidy, shellcheck, documents
	@$(CHROOT) selftests/style

unit: ## unit tests of the core, under address and undefined behaviour sanitizers
	@$(CHROOT) make -s -C selftests/unit run

fuzz: ## a short run of each fuzzer
	@$(CHROOT) make -s -C selftests/fuzz smoke

sim: ## simulated connections through the engine (N=100000 SEED=1 J=2; SAN= without sanitizers)
	@$(CHROOT) make -s -C selftests/sim run $(SIM_ARGS)

calls: ## generated call flows through dialogs and doors (N=20000 SEED=1 J=2; SAN= without sanitizers)
	@$(CHROOT) make -s -C selftests/calls run $(SIM_ARGS)

calls-bugs: ## each bug of selftests/calls/bugs, put into the core, is caught by the call flows
	@$(CHROOT) make -s -C selftests/calls bugs $(SIM_ARGS)

sim-bugs: ## each bug of selftests/sim/bugs, put into the engine, is caught by the simulator
	@$(CHROOT) make -s -C selftests/sim bugs $(SIM_ARGS)

sim-coverage: ## which branches of the engine N simulated connections take too seldom
	@$(CHROOT) make -s -C selftests/sim coverage $(SIM_ARGS)

bench: ## what the module costs, in instructions, beside no helper and the in-tree one (ARGS="-k bookworm -s 2")
	@$(TESTBED)/../bench/run $(ARGS)

docs: ## make what is made: counters.rst, settings.rst, the netlink interface, README.md's examples
	@mkdir -p build
	@$(CHROOT) sh -c 'set -e; Documentation/tools/netlink; Documentation/tools/readme-examples -w; \
		for d in counters settings; do Documentation/tools/$$d-rst >build/$$d.rst; done'
	@mv build/counters.rst build/settings.rst Documentation/

clean: ## remove what was built; the test bed's cache stays
	[ ! -d $(KDIR) ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean
	rm -rf build selftests/unit/build selftests/fuzz/build selftests/sim/build selftests/calls/build .checkpatch-camelcase.*
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: all help modules tool install uninstall demo interop interop-calls bench check check-long style unit fuzz sim calls calls-bugs sim-bugs sim-coverage docs clean
