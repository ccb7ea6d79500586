# SPDX-License-Identifier: GPL-2.0-only
"""The netlink interface, spoken by the kernel's own client for specifications.

Independent of the module's tool: from the specification alone.
"""
import os
import sys

from .ktap import Skip

CLIENT = "/opt/kernel-scripts/tools/net/ynl"
SPEC = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                    "Documentation/netlink/specs/nf_nat_sip_tcp.yaml")


def family(recv_size=0):
    """The family, for the network namespace that the caller is in."""
    if CLIENT not in sys.path:
        sys.path.append(CLIENT)
    try:
        from lib import YnlFamily   # pylint: disable=import-outside-toplevel
    except ImportError as e:
        raise Skip(f"no netlink client in {CLIENT}") from e

    class Family(YnlFamily):
        """It does not know the padding that some machines need."""

        def _rsp_add(self, rsp, name, is_multi, decoded):
            if name != "pad":
                super()._rsp_add(rsp, name, is_multi, decoded)

    return Family(SPEC, schema=False, process_unknown=True, recv_size=recv_size)


def at(lab, host="router", **more):
    with lab.at(host):
        return family(**more)


def attempt(fn, *args):
    """(0, None, None), or what the kernel refuses: errno, attribute, words."""
    from lib import NlError     # pylint: disable=import-outside-toplevel
    try:
        fn(*args)
    except NlError as e:
        extack = e.nl_msg.extack or {}
        return -e.nl_msg.error, extack.get("bad-attr"), extack.get("msg")
    return 0, None, None


def forget():
    """Ask the kernel for families again: the module was loaded anew."""
    from lib import ynl         # pylint: disable=import-outside-toplevel
    ynl.genl_family_name_to_id = None
