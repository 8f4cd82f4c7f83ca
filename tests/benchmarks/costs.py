"""What a full benchmark costs, on paper: ``python tests/benchmarks/costs.py`` prints the table of the README beside it.

Measured are the fits of methods without a generator, from the committed records, and a step of full size of others, on
a core. From a core to a GPU it is one assumption, ``GPU_TIMES``; no GPU was measured.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from gzslbench.records.exchange.opening import open_results
from gzslbench.records.results import summaries

ROOT = Path(__file__).parents[2]
DATA_SETS, SPLITS, FITS = 10, 30, 2
"""Two fits a cell: on all training samples, and without the validation classes, for the constant that calibrates."""
GPU_TIMES = 100
"""How much faster a GPU makes products than the core, which makes some 100 GFLOP/s: by 10 TFLOP/s."""
STEP_S = {
    "gsmflow": 0.96,
    "f-clswgan": 1.07,
    "early-gan": 0.94,
    "f-vaegan-d2": 1.09,
    "tf-vaegan": 1.93,
    "free": 0.58,
    "abp-zsl": 0.66,
    "gdan": 0.22,
    "cewgan": 2.33,
    "lisgan": 1.48,
}
"""A step of full size on the core, as the README has it."""
GPU_FIT_S = {"cada-vae": 60, "ce-gzsl": 600, "sdgzsl": 600, "izf": 400}
"""A full fit on a GPU, as the recipes estimate it by its operations."""
NEITHER = ("gazsl", "canzsl", "se-gzsl", "e-pgn")
"""Without a figure; taken for as long as f-clswgan."""


def full_steps(method: str) -> int:
    """Read how many steps a full fit on CUB has, those of pretraining included."""
    recipe = tomllib.loads((ROOT / "plugins" / method.replace("-", "_") / "recipes.toml").read_text())
    settings = recipe["default"][method] | recipe.get("CUB", {}).get(method, {})
    return sum(settings[name]["value"] for name in ("steps", "pretraining_steps") if name in settings)


def measured_fits_s() -> dict[str, float]:
    """Give the mean seconds of both fits of methods without a generator, over the cells of the leaderboard."""
    times = defaultdict(list)
    for each in summaries(open_results(ROOT / "leaderboards" / "records" / "leaderboard.txt")):
        if not each.generative and each.key.protocol == "inductive-calibrated":
            times[each.method].append(each.fit_s)
    return {method: fmean(values) for method, values in times.items()}


def generators_fit_s() -> dict[str, float]:
    """Estimate the seconds of one full fit on a GPU, of methods with a generator."""
    stepwise = {method: full_steps(method) * step_s / GPU_TIMES for method, step_s in STEP_S.items()}
    return stepwise | GPU_FIT_S | dict.fromkeys(NEITHER, stepwise["f-clswgan"])


def main() -> None:
    cells = DATA_SETS * SPLITS
    print(
        "| methods with a generator | full steps | step on a core | a fit on a GPU | all cells |\n|---|---|---|---|---|"
    )
    fits_s = generators_fit_s()
    for method, fit_s in sorted(fits_s.items(), key=lambda each: -each[1]):
        step = f"{full_steps(method):,} | {STEP_S[method]} s" if method in STEP_S else " | "
        print(f"| `{method}` | {step} | {fit_s / 60:.1f} min | {fit_s * FITS * cells / 3600:.0f} GPU hours |")
    all_s = sum(fits_s.values())
    print(f"| all {len(fits_s)} | | | {all_s / 60:.0f} min | {all_s * FITS * cells / 3600:.0f} GPU hours |")
    others = measured_fits_s()
    print(
        f"\n{len(others)} rows without a generator: {sum(others.values()):.0f} s of a core for both fits of each, "
        f"{sum(others.values()) * cells / 3600:.0f} core hours for all cells; the longest is "
        f"{max(others, key=others.__getitem__)}, {max(others.values()):.0f} s"
    )


if __name__ == "__main__":
    main()
