"""Combinations of parts of several methods, beside these methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gzslbench.contract.protocol import CALIBRATING
from gzslbench.registry.declarations import PluginSource
from gzslbench.report.combinations.grid import NO_PART, Combination, Grid
from gzslbench.report.groups import Group
from gzslbench.report.installed import Installed
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.paired import PairedDifference, paired_difference


@dataclass(frozen=True, eq=False)
class Crossed:
    """A combination whose parts come from several methods, and its lead in H over the calibrated results of each."""

    combination: Combination
    group: Group
    leads: Mapping[str, PairedDifference]

    @property
    def above_all(self) -> bool:
        """Whether the intervals of all leads are above 0."""
        return all(lead.interval is not None and lead.interval.low > 0 for lead in self.leads.values())


def crossed(grid: Grid, installed: Installed, reader: CorrectnessReader) -> Iterator[Crossed]:
    """Give the combinations that have parts of two or more methods whose results are there."""
    for combination, group in grid.groups.items():
        parents = _parents(combination, grid, installed)
        leads = {name: paired_difference(group, parent, reader) for name, parent in parents.items()}
        known = {name: lead for name, lead in leads.items() if lead is not None}
        if len(known) > 1:
            yield Crossed(combination, group, known)


def _parents(combination: Combination, grid: Grid, installed: Installed) -> dict[str, Group]:
    """Find the methods that the plugins of the parts are for, each with a constant from validation classes."""
    plugins = [installed.components[part].plugin for part in combination if part in installed.components]
    found = {}
    for plugin in dict.fromkeys(plugins):
        name = installed.main_method(plugin)
        calibrated = _calibrated(name, plugin, installed)
        if calibrated and calibrated != combination and calibrated in grid.groups:
            found[name] = grid.groups[calibrated]
    return found


def _calibrated(name: str, plugin: PluginSource, installed: Installed) -> Combination | None:
    """Give a method's parts, its gate aside; None where it only puts a gate before parts of others."""
    if not name:
        return None
    method = installed.methods[name].info
    own = (part for part in (method.generator, method.classifier) if part in installed.components)
    if not any(installed.components[part].plugin == plugin for part in own):
        return None
    return Combination(method.generator or NO_PART, CALIBRATING, method.classifier)
