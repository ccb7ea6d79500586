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
# A job server of this make is not at hand in there.
TESTBED	:= env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL selftests/vm
CHROOT	:= $(TESTBED)/chroot

.DEFAULT_GOAL := help

help: ## this list
	@echo "Targets:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) | expand -t 14 | sed 's/^/  /'
	@echo "Variables: KDIR (modules, install) HELPER (demo) NF_NAT_SIP_TCP_CACHE (test bed)"

modules: ## build the module for the kernel that KDIR names, by default the running one
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

install: modules ## install the module for that kernel; as root
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_DIR=$(MODDIR) modules_install
	depmod $(DEPMOD_BASE) -a $(RELEASE)

uninstall: ## remove it again; as root
	rm -f $(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)/$(MODDIR)/$(MODULE).ko*
	depmod $(DEPMOD_BASE) -a $(RELEASE)

demo: ## a call through NAT, shown step by step in a virtual machine (HELPER=ours|none|in-tree)
	@env -u MAKEFLAGS -u MAKELEVEL HELPER=$(HELPER) selftests/demo/run

check: ## everything that tells whether the tree is good, under 20 minutes
	@selftests/check

check-long: ## the same, with longer fuzzing and every selftest three times
	@selftests/check -l

style: ## static checks: checkpatch, sparse, W=1, cppcheck, clang-tidy, shellcheck, documents
	@$(CHROOT) selftests/style

unit: ## unit tests of the core, under address and undefined behaviour sanitizers
	@$(CHROOT) make -s -C selftests/unit run

fuzz: ## a short run of each fuzzer
	@$(CHROOT) make -s -C selftests/fuzz smoke

docs: ## bring counters.rst and the examples in README.md up to date
	@mkdir -p build
	@$(CHROOT) sh -c 'Documentation/tools/counters-rst >build/counters.rst && Documentation/tools/readme-examples -w'
	@mv build/counters.rst Documentation/counters.rst

clean: ## remove what was built; the test bed's cache stays
	[ ! -d $(KDIR) ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean
	rm -rf build selftests/unit/build selftests/fuzz/build .checkpatch-camelcase.*
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help modules install uninstall demo check check-long style unit fuzz docs clean
