"""From what the user asked for to a finished sweep."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import torch
from rich.console import Console

from gzslbench.errors import BrokenPluginError, UsageError, counted, leave_out
from gzslbench.records.store import Store, open_store
from gzslbench.registry.hosts import open_plugins
from gzslbench.runner.dry_run import keep_groups, show_plan, write_plan
from gzslbench.runner.execute import Executor, LocalExecutor
from gzslbench.runner.machine import environment
from gzslbench.runner.plan import Plan
from gzslbench.runner.progress import JsonReporter, JsonWarnings, LiveReporter, PlainReporter
from gzslbench.runner.request import Request, plan_request
from gzslbench.runner.sweep import Summary, Sweep
from gzslbench.text import unfiltered
from gzslbench.tracking.process import MlflowProcess

if TYPE_CHECKING:
    from gzslbench.runner.cluster import Cluster


def run_session(request: Request) -> int:
    """Do what was asked for; gives the exit code."""
    warnings, logger = JsonWarnings(), logging.getLogger("gzslbench")
    if request.as_json:
        logger.addHandler(warnings)
    try:
        return _run(request)
    finally:
        logger.removeHandler(warnings)


def _run(request: Request) -> int:
    with ExitStack() as at_end:
        if request.executor == "ray":
            from gzslbench.runner.cluster import joined

            cluster = at_end.enter_context(joined(request.address))
            return _run_on(cluster, cluster.settle(request))
        return _run_on(None, request.on_this_machine())


def _run_on(cluster: Cluster | None, request: Request) -> int:
    """Do what was asked for on a cluster, or on this machine without one."""
    plan = _plan(request)
    store = open_store(request.results)
    if request.groups:
        keep_groups(plan, request.groups, request)
    if request.dry_run or request.explain or request.plan_file:
        device = torch.device(request.device)
        machine_class = cluster.machine_class if cluster else environment(device, 1).machine_class
        if request.plan_file:
            write_plan(request.plan_file, plan, store, request, machine_class)
        else:
            show_plan(plan, store, request, machine_class)
        return 0
    if not plan.groups and plan.skipped:
        first = plan.skipped[0]
        raise UsageError(f"'{first.combination}' can't run {first.where}: {first.reason}", "--dry-run lists what can")
    for skipped in [] if request.everything else plan.skipped:
        print(f"left out: {skipped.combination} {skipped.where}: {skipped.reason}", file=sys.stderr)
    request = replace(request, jobs=min(request.jobs or 1, max(1, len(plan.groups))))
    return _conclude(_sweep(request, plan, store, cluster), request)


def _plan(request: Request) -> Plan:
    """Plan what was asked for; the processes of foreign plugins end when that is done."""
    registry = open_plugins(request.plugin_files, timeout_s=request.timeout)
    for broken in registry.broken:
        if request.everything:
            leave_out(BrokenPluginError(f"the plugin {broken}", "fix or uninstall it"))
        else:
            print(f"warning: plugin left out: {broken}", file=sys.stderr)
    return plan_request(request, registry)


def _sweep(request: Request, plan: Plan, store: Store, cluster: Cluster | None) -> Summary:
    with ExitStack() as at_end:
        reporter = _reporter(request)
        at_end.callback(reporter.close)
        tracker = None if request.no_track else MlflowProcess(request.tracking_uri, request.results)
        if tracker is not None:
            at_end.callback(_close, tracker, request)
        return Sweep(store, _executor(request, cluster), reporter, request, tracker).run(plan)


def _close(tracker: MlflowProcess, request: Request) -> None:
    place = tracker.close()
    if place and not request.as_json:
        print(f"in MLflow: {place}")


def _reporter(request: Request) -> PlainReporter:
    if request.as_json:
        return JsonReporter()
    console = Console(file=unfiltered(sys.stdout))
    return LiveReporter(console, request.tried) if console.is_terminal else PlainReporter(tried=request.tried)


def _executor(request: Request, cluster: Cluster | None) -> Executor:
    if cluster is None:
        return LocalExecutor(request.jobs or 1, request.threads)
    from gzslbench.runner.ray import RayExecutor

    return RayExecutor(cluster, request)


def _conclude(summary: Summary, request: Request) -> int:
    if request.as_json:
        print(json.dumps({"event": "ended", **asdict(summary)}))
    else:
        print(f"{summary.done} done, {summary.cached} there already, {summary.failed} failed")
        if summary.saved_fits:
            saved = timedelta(seconds=round(summary.saved_s))
            print(f"cells shared fits of generators: {counted(summary.saved_fits, 'fit')} and {saved} saved")
        for dropped in summary.dropped:
            print(f"dropped {dropped}")
        if summary.interrupted:
            print("interrupted; the same command continues")
        elif summary.failed:
            print(f"reasons and tracebacks: {request.results / 'failures'}; the same command tries again")
    if summary.interrupted:
        return 130
    return 1 if summary.failed else 0
