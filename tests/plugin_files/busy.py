"""A classifier that computes for eight seconds and knows nothing."""

from __future__ import annotations

import time

from gzslbench.contract import Classifier, Info, hookimpl


class Busy(Classifier):
    info = Info("busy")

    def fit(self, view, ctx):
        end_s = time.process_time() + 8
        while time.process_time() < end_s:
            pass

    def scores(self, features, classes):
        return features.new_ones(len(features), len(classes.semantics))


@hookimpl
def gzslbench_classifiers():
    return [Busy]
