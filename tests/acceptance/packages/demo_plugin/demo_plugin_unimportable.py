"""A plugin that can't be imported."""

raise RuntimeError("the moon is in the wrong phase")
