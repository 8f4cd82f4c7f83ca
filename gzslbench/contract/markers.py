"""The decorators by which pluggy knows hooks from other functions."""

import pluggy

PROJECT = "gzslbench"

hookspec = pluggy.HookspecMarker(PROJECT)
"""Declares a hook; for the core alone."""
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Implements a hook in a plugin."""
