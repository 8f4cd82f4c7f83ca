"""What goes wrong while a file is read, told as an error of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gzslbench.errors import DataError


@contextmanager
def readable(path: Path, kind: str, explain: Callable[[Path], str] = lambda path: "") -> Iterator[None]:
    """Turn what libraries trip over in a file of some kind into a :class:`DataError`.

    ``explain`` may find a better reason than theirs.
    """
    try:
        yield
    except (DataError, MemoryError):
        raise
    except FileNotFoundError:
        raise DataError(f"{path} does not exist", "check the path") from None
    except Exception as error:  # a broken file makes libraries raise whatever they trip over
        reason = str(error).splitlines()[0] if str(error) else ""
        because = explain(path) or f"it is damaged or cut off: {type(error).__name__} {reason}".strip()
        raise DataError(f"{path} can't be read as a {kind} file ({because})", "copy or download it again") from error
