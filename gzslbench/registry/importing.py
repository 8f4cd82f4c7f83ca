"""Importing a plugin: one that is installed, or a file or package that is not, with the modules beside it."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

from gzslbench.errors import PluginError
from gzslbench.registry.declarations import PluginSource

_folders_beside: set[Path] = set()
"""Where the modules are that plugins which are not installed may import in this process."""


def import_plugin(source: PluginSource) -> ModuleType:
    """Import a plugin's module, its package, or its file under a name of its own.

    Modules beside a file or package that is not installed can be imported, after all that is: they are put on
    :data:`sys.path` for the rest of the process, which should therefore be one for this plugin.
    """
    if source.module:
        return importlib.import_module(source.module)
    assert source.path is not None
    name, file = _name_and_file(source.path, source)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"{source.path} is not a Python file", "give a file that ends in .py")
    folder = source.path.parent
    _refuse_strangers(folder)
    if folder not in _folders_beside:
        _folders_beside.add(folder)
        sys.path.append(str(folder))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _name_and_file(path: Path, source: PluginSource) -> tuple[str, Path]:
    if path.is_dir():
        return source.name, path / "__init__.py"
    place = re.sub(r"\W", "_", str(path))  # files of the same content may have other files beside them
    return f"gzslbench_file{place}_{source.distribution.version}", path


def _refuse_strangers(folder: Path) -> None:
    """Raise :class:`PluginError` where a module from beside another plugin has the name of one in ``folder``."""
    for path in folder.glob("*.py"):
        imported = Path(str(getattr(sys.modules.get(path.stem), "__file__", None)))
        if imported.parent != folder and imported.parent in _folders_beside:
            raise PluginError(f"{path} can't be imported beside {imported}", f"rename {path.name}")
