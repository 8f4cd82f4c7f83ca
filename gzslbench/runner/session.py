"""From what the user asked for to a finished sweep."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console

from gzslbench.errors import UsageError
from gzslbench.plugins import load_plugins
from gzslbench.runner.combinations import (
    plugin_files,
)
from gzslbench.runner.execute import Executor, LocalExecutor
from gzslbench.runner.plan import Plan
from gzslbench.runner.progress import JsonReporter, LiveReporter, PlainReporter, title
from gzslbench.runner.request import Request, device_named, plan_request, precision_named
from gzslbench.runner.sweep import Options, Summary, Sweep, pending
from gzslbench.store import Store
from gzslbench.tracking import Tracker


def run_session(request: Request) -> int:
    """Do what was asked for; gives the exit code."""
    registry = load_plugins(plugin_files(request.plugins))
    for broken in registry.broken:
        print(f"warning: plugin left out: {broken}", file=sys.stderr)
    device = device_named(request.device)
    precision = precision_named(request.precision, device)
    plan = plan_request(request, registry, device, precision)
    store = Store(request.results)
    if request.dry_run or request.explain:
        _show_plan(plan, store, request)
        return 0
    _warn_skipped(plan)
    summary = _sweep(request, device, precision, plan, store)
    return _conclude(summary, request)


def _sweep(request: Request, device: str, precision: str, plan: Plan, store: Store) -> Summary:
    jobs = request.jobs or (1 if device.startswith("cuda") else max(1, (os.cpu_count() or 1) // request.threads))
    options = Options(
        device=device,
        precision=precision,
        threads=request.threads,
        jobs=min(jobs, max(1, len(plan.trunks))),
        seeds_together=device.startswith("cuda") if request.seeds_together is None else request.seeds_together,
        timeout_s=request.timeout,
        keep_scores=request.keep_scores,
        keep_samples=request.keep_samples,
        cache=request.cache,
        force=request.force,
        fail_fast=request.fail_fast,
    )
    with _reporter(request) as reporter, _tracker(request) as tracker:
        return Sweep(store, _executor(request, options), reporter, options, tracker).run(plan)


def _executor(request: Request, options: Options) -> Executor:
    if request.executor == "ray":
        from gzslbench.runner.ray import RayExecutor

        return RayExecutor(options.jobs, options.threads, gpus=int(options.device.startswith("cuda")))
    return LocalExecutor(options.jobs, options.threads)


@contextmanager
def _reporter(request: Request) -> Iterator[PlainReporter]:
    console = Console()
    if request.as_json:
        reporter: PlainReporter = JsonReporter()
    else:
        reporter = LiveReporter(console) if console.is_terminal else PlainReporter()
    try:
        yield reporter
    finally:
        reporter.close()


@contextmanager
def _tracker(request: Request) -> Iterator[Tracker | None]:
    if request.no_track:
        yield None
        return
    tracker = Tracker(request.tracking_uri, request.results)
    try:
        yield tracker
    finally:
        tracker.close()


def _warn_skipped(plan: Plan) -> None:
    if not plan.trunks and plan.skipped:
        first = plan.skipped[0]
        raise UsageError(f"'{first.combination}' can't run: {first.reason}", "--dry-run lists what can")
    for skipped in plan.skipped:
        print(f"left out: {skipped.combination} under '{skipped.protocol}': {skipped.reason}", file=sys.stderr)


def _conclude(summary: Summary, request: Request) -> int:
    if request.as_json:
        print(json.dumps({"event": "ended", **asdict(summary)}))
    else:
        print(f"{summary.done} done, {summary.cached} there already, {summary.failed} failed")
        if summary.interrupted:
            print("interrupted; the same command continues")
        elif summary.failed:
            print(f"reasons and tracebacks: {request.results / 'failures'}; the same command tries again")
    if summary.interrupted:
        return 130
    return 1 if summary.failed else 0


def _show_plan(plan: Plan, store: Store, request: Request) -> None:
    missing = {cell.key.digest() for trunk in pending(plan, store, request.force) for cell in trunk.cells}
    for cell in plan.cells():
        digest = cell.key.digest()
        state = "to run" if digest in missing else "there"
        why = store.explain(cell.key) if request.explain and digest in missing else []
        if request.as_json:
            print(json.dumps({"cell": title(cell.key, cell.method), "digest": digest, "state": state, "differs": why}))
        else:
            print("\n    ".join([f"{state:7} {title(cell.key, cell.method)}  {digest}", *why]))
    for skipped in plan.skipped:
        if request.as_json:
            print(
                json.dumps({"combination": skipped.combination, "protocol": skipped.protocol, "reason": skipped.reason})
            )
        else:
            print(f"no      {skipped.combination} under '{skipped.protocol}': {skipped.reason}")
    if not request.as_json:
        total = sum(1 for _ in plan.cells())
        to_run = f"{total} cells in {len(plan.trunks)} trunks, {len(missing)} to run"
        print(f"{to_run}; {len(plan.skipped)} combinations left out")
