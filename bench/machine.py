"""What the figures were taken on, and the cost of one durable write there."""

import os
import platform
import time
from pathlib import Path
from statistics import median
from typing import Any

BLOCK = b"\0" * 8192
WRITES = 200


def describe() -> dict[str, Any]:
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {
        "processor": model,
        "processors": os.cpu_count() or 1,
        "memory_mib": memory // 1024,
        "kernel": platform.release(),
    }


def fsync_ms(folder: Path) -> float:
    """L-fsync: median milliseconds to write 8 kB over itself and have fdatasync return, on the data's own disk."""
    taken = []
    path = folder / "fsync-probe"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for _ in range(WRITES):
            os.pwrite(handle, BLOCK, 0)
            began = time.perf_counter()
            os.fdatasync(handle)
            taken.append(time.perf_counter() - began)
    finally:
        os.close(handle)
        path.unlink()
    return 1000 * median(taken)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
