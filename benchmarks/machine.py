"""What the figures depend on: the machine and the versions of everything."""

import os
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

_FLUSHES = 100


def facts(folder: Path, postgres: str, generator: str) -> dict[str, str]:
    """For the page; ``folder`` is where the databases are."""
    load = os.getloadavg()[0]
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": f"{_after(_read('/proc/cpuinfo'), 'model name')}, "
        f"{os.cpu_count()} cores",
        "memory": _gigabytes(_after(_read("/proc/meminfo"), "MemTotal")),
        "kernel": f"{platform.system()} {platform.release()}",
        "disk": f"a write is flushed in {flush_seconds(folder) * 1000:.2f} ms (median)",
        "load before the run": f"{load:.2f}",
        "Python": platform.python_version(),
        "libraries": ", ".join(
            f"{name} {version(name)}"
            for name in ("Django", "gunicorn", "psycopg2-binary", "orjson")
        ),
        "PostgreSQL": postgres,
        "load generator": generator,
    }


def memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def flush_seconds(folder: Path) -> float:
    """How long a small write takes until it is on the disk."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return median(_flush(file.fileno()) for _ in range(_FLUSHES))


def _flush(descriptor: int) -> float:
    started = time.perf_counter()
    os.pwrite(descriptor, bytes(8192), 0)
    os.fdatasync(descriptor)
    return time.perf_counter() - started


def _read(path: str) -> str:
    return Path(path).read_text()


def _after(text: str, name: str) -> str:
    """The value of a line ``name : value``."""
    for line in text.splitlines():
        before, _, value = line.partition(":")
        if before.strip() == name:
            return value.strip()
    return "unknown"


def _gigabytes(kilobytes: str) -> str:
    number = kilobytes.removesuffix(" kB")
    return f"{int(number) / 1024**2:.1f} GiB" if number.isdigit() else kilobytes
