"""What the fork server imports before it forks, once for all workers."""

import gc
import importlib

MODULES = ("gzslbench.runner.worker", "torch._dynamo")
"""The first step of any optimiser takes the second."""

gc.disable()  # importing makes hardly any garbage
try:
    for name in MODULES:
        importlib.import_module(name)
    gc.freeze()  # a collection writes to all objects that it looks at, and so makes a worker copy their pages
finally:
    gc.enable()
