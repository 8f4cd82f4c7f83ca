"""Build the bundled data set ``glyphs`` from Debian font packages.

    python scripts/build_glyphs --work build/glyphs --out gzslbench/data/bundled/glyphs

Needs Debian 12 with ``apt-get`` and ``dpkg-deb`` (the packages are downloaded and unpacked under ``--work``, about
400 MB, not installed) and, in Python, numpy, scipy, Pillow, fonttools and scikit-image; the last three are no
dependencies of gzslbench. Takes about ten minutes on one core. Every choice is seeded; pictures may differ by rounding
between versions of FreeType, so the files that are shipped, with their SHA256SUMS, are the data set.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from alphabet import candidates, choose
from features import describe, project
from fonts import clusters, is_legible, keep, likeness, read
from packages import fetch
from samples import drawn, select
from split import split_classes, split_styles
from write import write_all

MINIMUM_SHARE = 0.64


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for downloaded and unpacked packages")
    parser.add_argument("--out", type=Path, required=True, help="folder that the data set is written into")
    arguments = parser.parse_args()
    build(arguments.work, arguments.out)


def build(work: Path, out: Path) -> None:
    """Choose styles, classes and splits, draw the samples, write the files."""
    letters = candidates()
    mapped = read(fetch(work), [glyph.character for glyph in letters])
    legible = [style for style in sorted(mapped) if is_legible(style)]
    alike = likeness(legible)
    kept = keep(legible, alike)
    styles = [legible[i] for i in kept]
    cluster_names = clusters(styles, alike[np.ix_(kept, kept)])
    print(f"{len(mapped)} styles read, {len(legible)} legible, {len(styles)} kept")

    rejected: Counter[str] = Counter()
    drawn_by = {s: drawn(s, [g for g in letters if g.character in mapped[s]], rejected) for s in styles}
    counts = Counter(glyph for glyphs in drawn_by.values() for glyph in glyphs)
    classes = choose({glyph: counts[glyph] for glyph in letters}, round(MINIMUM_SHARE * len(styles)))
    print(f"{len(classes)} classes; pictures rejected: {dict(rejected)}")

    test_styles = split_styles(styles, cluster_names)
    samples = select(classes, split_classes(classes), drawn_by, test_styles)
    training = np.array([sample.part in {"train", "val"} for sample in samples])
    features = project(np.stack([describe(sample.picture) for sample in samples]), training)
    write_all(out, classes, samples, features, dict(zip(styles, cluster_names, strict=True)), work)
    print(f"{len(samples)} samples {dict(Counter(sample.part for sample in samples))}, {len(test_styles)} test styles")


if __name__ == "__main__":
    main()
