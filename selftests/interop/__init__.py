# SPDX-License-Identifier: GPL-2.0-only
"""Phones and servers that others wrote, unchanged, through the module."""
