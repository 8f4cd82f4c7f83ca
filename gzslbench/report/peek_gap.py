"""The peek gap: what choosing the state on the test set is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gzslbench.report.groups import Group


def peek_gaps(groups: Sequence[Group]) -> dict[Group, float]:
    """H(paper) - H(inductive) of the same configuration, as a mean over the seeds that both ran; absent where none."""
    ordered = sorted(groups, key=lambda group: group.comparison.order)
    paper = [group for group in ordered if not group.comparison.rules.ranked]
    inductive = [group for group in ordered if group.comparison.protocol == "inductive"]
    gaps = {}
    for ours, theirs, sign in ((paper, inductive, 1), (inductive, paper, -1)):
        twins = {_but_protocol(group): group for group in theirs}
        for group in ours:
            twin = twins.get(_but_protocol(group))
            shared = group.shared(twin) if twin else frozenset()
            if twin and shared:
                gaps[group] = sign * (group.restricted(shared).h.mean - twin.restricted(shared).h.mean)
    return gaps


def _but_protocol(group: Group) -> tuple[str, ...]:
    key = replace(group.key, protocol="", protocol_version=0, candidates=())
    return key.digest(), group.comparison.split, group.comparison.split_hash
