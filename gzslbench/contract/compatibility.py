"""Which generators, gates and classifiers combine, under which protocol, on which data, and why the others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gzslbench.contract.info import Info, Makes, Need
from gzslbench.contract.parts import Parts
from gzslbench.contract.protocol import Protocol

if TYPE_CHECKING:
    from gzslbench.contract.dataset import DataSet

_SOURCES = {
    Need.SYNTHETIC: (Makes.SYNTHETIC,),
    Need.PROXIES: (Makes.PROXIES,),
    Need.OUTSIDE: (Makes.PROXIES, Makes.SYNTHETIC),
}
_OF_PROTOCOL = {
    Need.UNSEEN_SEMANTICS: "withholds",
    Need.TEST_FEATURES: "withholds",
    Need.VALIDATION: "does not cut; protocols ending in -calibrated, and 'validated', do",
}


def obstacle(infos: Parts[Info], protocol: Protocol) -> str:
    """Say why a combination can't run under a protocol; empty where it can."""
    generator, gate, classifier = infos
    consumers = dict.fromkeys((gate, classifier))
    for consumer in consumers:
        for need in consumer.needs:
            if need in _SOURCES and not _source(need, generator):
                maker = f"'{generator.name}' makes none" if generator else "there is no generator"
                return f"'{consumer.name}' needs {need.value}, and {maker}"
            if need is Need.SHARED_SPACE and generator and Makes.ENCODING in generator.makes:
                return f"'{consumer.name}' needs {need.value}, and '{generator.name}' moves features to another"
    if generator is not None and not _useful(generator, tuple(consumers)):
        return f"neither '{gate.name}' nor '{classifier.name}' uses what '{generator.name}' makes"
    for info in filter(None, (generator, *consumers)):
        for need in info.needs:
            if need in _OF_PROTOCOL and need not in protocol.reveals:
                return f"'{info.name}' needs {need.value}, which '{protocol.name}' {_OF_PROTOCOL[need]}"
    if generator is not None and Need.UNSEEN_SEMANTICS not in protocol.reveals:
        for consumer in filter(lambda each: _synthesises(generator, (each,)), consumers):
            return (
                f"'{consumer.name}' needs synthetic features, which '{generator.name}' makes from unseen semantics, "
                f"and '{protocol.name}' withholds these until test time"
            )
    return ""


def obstacle_in_data(infos: Parts[Info], data_set: DataSet) -> str:
    """Say why a combination can't run on a data set; empty where it can."""
    needing = [info.name for info in infos.by_role().values() if Need.SHARED_SPACE in info.needs]
    if not needing or data_set.shared_space:
        return ""
    needs = f"'{needing[0]}' needs {Need.SHARED_SPACE.value}"
    widths = data_set.features.shape[1], data_set.semantics.shape[1]
    if len(set(widths)) > 1:
        return f"{needs}, and these have {widths[0]:,} and {widths[1]:,} dimensions"
    declaration = f'["{data_set.variant}"]' if data_set.variant else "true"
    return (
        f"{needs}; if these are, as embeddings by one model, write shared_space = {declaration} into dataset.toml "
        "beside them, or shared_space=True into a plugin's DataSet"
    )


def uses_unseen_semantics(infos: Parts[Info]) -> bool:
    """Say whether anything of the unseen classes is used before test time (the column UD)."""
    declared = {need for info in infos.by_role().values() for need in info.needs}
    asks = bool(declared & {Need.UNSEEN_SEMANTICS, Need.TEST_FEATURES})
    return asks or _synthesises(infos.generator, (infos.gate, infos.classifier))


def is_deterministic(infos: Parts[Info], protocol: Protocol) -> bool:
    """Say whether every seed gives the same result: nothing is drawn, by the components or for validation classes."""
    return not (protocol.validates or any(info.draws for info in infos.by_role().values()))


def _source(need: Need, generator: Info | None) -> Makes | None:
    """What of a generator serves a need; proxies come first where either would do."""
    makes = generator.makes if generator else ()
    return next((made for made in _SOURCES[need] if made in makes), None)


def _useful(generator: Info, consumers: tuple[Info, ...]) -> bool:
    used = {_source(need, generator) for info in consumers for need in info.needs if need in _SOURCES}
    return bool(used - {None}) or Makes.ENCODING in generator.makes


def _synthesises(generator: Info | None, consumers: tuple[Info, ...]) -> bool:
    needs = (need for info in consumers for need in info.needs if need in _SOURCES)
    return any(_source(need, generator) is Makes.SYNTHETIC for need in needs)
