import platform
import re
from importlib.metadata import version

import pytest
import torch

import gzslbench
from gzslbench.runner import machine as module
from gzslbench.runner.machine import environment


def test_versions_are_those_installed():
    found = environment(torch.device("cpu"), threads=3)
    assert found.packages == {
        "gzslbench": gzslbench.__version__,
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
    }
    assert (found.threads, found.gpu) == (3, None)


def test_class_of_a_machine_without_a_gpu_is_its_processor():
    found = environment(torch.device("cpu"), threads=1)
    assert found.machine_class == f"cpu: {found.cpu}"
    assert re.fullmatch(r"\S.*, \d+ cores", found.cpu)


@pytest.mark.parametrize(
    ("system", "shown"),
    [
        ("Intel(R) Xeon(R) Processor @ 2.50GHz", "Intel Xeon 2.5 GHz"),
        ("Intel(R) Core(TM) i9-9900K CPU @ 3.00GHz", "Intel Core i9-9900K 3 GHz"),
        ("Intel(R) Xeon(R) CPU E5-2620 v4 @ 2.05GHz", "Intel Xeon E5-2620 v4 2.05 GHz"),
        ("AMD EPYC 7763 64-Core Processor", "AMD EPYC 7763 64-Core"),
    ],
)
def test_processor_names_are_tidied(monkeypatch, system, shown):
    monkeypatch.setattr(module, "_first_match", lambda *_: system)
    assert module._cpu() == f"{shown}, {module._cores()} cores"


@pytest.mark.gpu
def test_class_of_a_machine_with_a_gpu():
    found = environment(torch.device("cuda"), threads=1)
    assert re.fullmatch(r"gpu: .+, driver \d+\.\S+, CUDA \d+\.\d+, torch \d+\.\d+", found.machine_class)
