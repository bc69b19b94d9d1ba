"""What Linux and `/metrics` tell of a running process."""

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import fetch


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds of a process so far, those of its children excluded."""

    user_s: float
    system_s: float

    @property
    def busy_s(self) -> float:
        """Both together."""
        return self.user_s + self.system_s


def cpu(pid: int) -> Cpu:
    """Return the CPU time of a process (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tick = os.sysconf("SC_CLK_TCK")
    return Cpu(int(fields[11]) / tick, int(fields[12]) / tick)


def memory_mb(pid: int) -> dict[str, float]:
    """Return the sizes that the kernel tells of a process, in MB (proc_pid_status(5))."""
    pairs = (line.split(":", 1) for line in _status(pid) if line.endswith(" kB"))
    return {name: int(text.split()[0]) * 1024 / 1e6 for name, text in pairs}


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    return next(int(line.split()[1]) for line in _status(pid) if line.startswith("Threads:"))


def handles(pid: int) -> int:
    """Return how many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def waited_s(pid: int) -> float:
    """Return how long the main thread, which has the event loop, was ready to run and had no processor so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in listed.split()]


def metrics(status_url: str) -> dict[str, float]:
    """Return the service's metrics without `microstream_`, each summed over its labels."""
    sums: dict[str, float] = {}
    for line in fetch(f"{status_url}/metrics").decode().splitlines():
        if not line.startswith("#"):
            name = line.partition("{")[0].partition(" ")[0].removeprefix("microstream_")
            sums[name] = sums.get(name, 0.0) + float(line.rpartition(" ")[2])
    return sums


def _status(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/status").read_text().splitlines()
