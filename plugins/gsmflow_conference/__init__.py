"""GSMFlow as its conference paper has it (Chen et al., ACM Multimedia 2021): the flow without boundary samples."""

from __future__ import annotations

from gzslbench.contract import Method, hookimpl

CONFERENCE = Method(
    name="gsmflow-conference",
    generator="gsmflow",
    gate="none",
    classifier="softmax",
    summary="gsmflow without boundary samples, with the recipe of the code released for the conference version",
    paper="Chen et al., Mitigating Generation Shifts for Generalized Zero-Shot Learning, ACM Multimedia 2021",
    reported="GSMFlow (conference)",
    recipes="recipes.toml",
    settings={"gsmflow.mining_steps": 0},
)


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method; its parts are those of gsmflow and softmax."""
    return [CONFERENCE]
