"""Where the files that ship beside the code are: templates and sample configuration.

They are top-level directories of a checkout and lie inside the package of a wheel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: Literal["templates", "config"]) -> Path:
    """The directory of that name. Raises `FileNotFoundError` where the installation lacks it."""
    for directory in (_PACKAGE / name, _PACKAGE.parent / name):
        if directory.is_dir():
            return directory
    raise FileNotFoundError(f"hitl-mail is installed without its {name}; install it again")
