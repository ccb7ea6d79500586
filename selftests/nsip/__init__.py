# SPDX-License-Identifier: GPL-2.0-only
"""Real endpoints for the tests of nf_nat_sip_tcp, all hosts in one process."""
import sys

# Not into the tree; and where there is one, the next test starts faster.
sys.pycache_prefix = sys.pycache_prefix or "/tmp/nsip-pycache"
