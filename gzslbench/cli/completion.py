"""Names for the shell to complete, found without importing any plugin or reading any data."""

from __future__ import annotations

import click


def complete_plugins(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the names of plugins and of what they declare."""
    from gzslbench.registry.declarations import find_plugins, read_listing

    plugins = find_plugins()
    listed = (each.info.name for each in read_listing(plugins) if each.kind != "data set")
    return sorted(name for name in {*listed, *(plugin.name for plugin in plugins)} if name.startswith(incomplete))


def complete_data_sets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the names of the data sets that are found; none where a data folder does not exist."""
    from gzslbench.data.catalogue import Catalogue
    from gzslbench.errors import UsageError

    try:
        names = Catalogue.find(ctx.params.get("data_dirs") or (), cache_dir=ctx.params.get("cache")).names()
    except UsageError:
        return []
    return [name for name in names if name.startswith(incomplete)]
