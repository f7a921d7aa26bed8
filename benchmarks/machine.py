"""What the figures were measured on, without a name or a path of it."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine(directory: Path) -> dict[str, str]:
    """Processor, cores, kernel, Python, the file system that `directory` is on, and the load."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "file system": _file_system(directory),
        "load when it began": f"{os.getloadavg()[0]:.1f}",
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{size / 2**30:.0f} GiB"


def _file_system(directory: Path) -> str:
    """The type of the mount that holds a directory."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "unknown"
    found = ("", "unknown")
    for line in mounts.read_text().splitlines():
        _, place, kind, *_ = line.split(" ")
        if directory.resolve().is_relative_to(place):
            found = max(found, (place, kind), key=lambda mount: len(mount[0]))
    return found[1]
