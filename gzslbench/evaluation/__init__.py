"""What runs in the worker: fit generators, gates and classifiers, predict, and report."""
