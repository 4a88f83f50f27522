"""What a measurement was made on and with: figures without it say nothing."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path


def cpu_model() -> str:
    """The processor's name, as the system calls it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def instruction_sets() -> list[str]:
    """Those of the vector instructions that matter to engines and that the processor has."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split("flags", 1)[1].splitlines()[0].split()
    except (OSError, IndexError):
        return []
    return [name for name in ("avx", "avx2", "fma", "avx512f", "avx512_vnni") if name in flags]


def memory_gib() -> float | None:
    """The machine's memory in GiB."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError, AttributeError):
        return None


def load() -> float | None:
    """How many processes wanted to run in the last minute: at rest, far below one."""
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None


def versions(packages: list[str]) -> dict[str, str]:
    """The versions of those Python packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def zoo_version(zoo: Path) -> str:
    """What the program says of itself, and the commit of the working tree if there is one."""
    said = subprocess.run([zoo, "--version"], capture_output=True, text=True, check=True)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return " ".join(filter(None, [said.stdout.strip(), commit.stdout.strip()]))


def describe(packages: list[str]) -> dict:
    """Everything above, for a report."""
    return {
        "cpu": cpu_model(),
        "instruction_sets": instruction_sets(),
        "cores": os.cpu_count(),
        "memory_gib": memory_gib(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": load(),
        "versions": versions(packages),
    }


def as_text(machine: dict) -> str:
    """The description as lines of Markdown."""
    memory, busy = machine["memory_gib"], machine["load_before"]
    lines = [
        f"- processor: {machine['cpu']}, {machine['cores']} cores, "
        + (" ".join(machine["instruction_sets"]) or "vector instructions unknown"),
        f"- system: {machine['system']}" + (f", {memory:.0f} GiB" if memory else ""),
        "- versions: " + ", ".join(f"{k} {v}" for k, v in machine["versions"].items()),
    ]
    if busy is not None:
        lines.append(f"- load before the first run: {busy:.1f}")
    return "\n".join(lines)
