"""Classifiers that each break in a way of their own."""

from __future__ import annotations

import os
import sys
import time

import torch

from gzslbench.contract import Classifier, Info, hookimpl


class _Quiet(Classifier):
    def fit(self, view, ctx):
        pass

    def scores(self, features, classes):
        return features.new_ones(len(features), len(classes))


class WrongShape(_Quiet):
    info = Info("demo-wrong-shape")

    def scores(self, features, classes):
        return features.new_ones(len(features), len(classes) + 1)


class NotANumber(_Quiet):
    info = Info("demo-nan")

    def scores(self, features, classes):
        return features.new_full((len(features), len(classes)), torch.nan)


class Sleeps(_Quiet):
    info = Info("demo-sleeps")

    def fit(self, view, ctx):
        time.sleep(10_000)


class Leaves(_Quiet):
    info = Info("demo-leaves")

    def fit(self, view, ctx):
        os._exit(17)


class Peeps(_Quiet):
    info = Info("demo-peeps")

    def fit(self, view, ctx):
        return view.unseen_semantics


class Meddles(_Quiet):
    info = Info("demo-meddles")

    def fit(self, view, ctx):
        view.features.mul_(2)


class Hungry(_Quiet):
    info = Info("demo-hungry")

    def fit(self, view, ctx):
        raise MemoryError


class Exits(_Quiet):
    info = Info("demo-exits")

    def fit(self, view, ctx):
        sys.exit(0)


class Interrupts(_Quiet):
    info = Info("demo-interrupts")

    def fit(self, view, ctx):
        raise KeyboardInterrupt


class Recurses(_Quiet):
    info = Info("demo-recurses")

    def fit(self, view, ctx):
        self.fit(view, ctx)


@hookimpl
def gzslbench_classifiers():
    return [WrongShape, NotANumber, Sleeps, Leaves, Peeps, Meddles, Hungry, Exits, Interrupts, Recurses]
