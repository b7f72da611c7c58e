"""What this machine has to compute with, told without loading a framework."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import psutil

_QUERY_SECONDS = 5.0
_CUDA_PACKAGES = ("nvidia-cudnn-cu12", "nvidia-cudnn-cu13")
_CPU_LIST = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


@dataclass(frozen=True)
class HostFacts:
    """Processor, memory and graphics cards.

    Attributes:
        cpu: The processor's name.
        cores: Logical processors that this process may use.
        memory_total, memory_free: In bytes; free is what could be used without swapping.
        gpus: Names of the NVIDIA cards, as their driver tells them.
        gpu_advice: What to do so that the cards are used; "" where nothing is missing.
    """

    cpu: str
    cores: int
    memory_total: int
    memory_free: int
    gpus: tuple[str, ...]
    gpu_advice: str

    @property
    def trains_on_gpu(self) -> bool:
        """Whether a training would find a card that it can use."""
        return bool(self.gpus) and not self.gpu_advice


def describe_host() -> HostFacts:
    """The facts at this moment; all but the memory are asked once a process."""
    memory = psutil.virtual_memory()
    gpus = _gpu_names()
    return HostFacts(cpu_name(), _usable_cores(), memory.total, memory.available, gpus, gpu_advice(gpus))


def gpu_advice(gpus: tuple[str, ...], cuda_installed: bool | None = None) -> str:
    """What to do so that `gpus` are used; "" when there is no card, or when the CUDA libraries are there.

    Args:
        gpus: Names of the cards.
        cuda_installed: Whether TensorFlow's CUDA libraries are installed; None looks.
    """
    if not gpus or (_has_cuda_packages() if cuda_installed is None else cuda_installed):
        return ""
    return (
        f"This machine has {' and '.join(gpus)}, but training runs on the processor: TensorFlow's CUDA libraries are "
        "not installed. Run 'pip install -r requirements-gpu.txt', then start the app again."
    )


def has_bfloat16(cpu_list: Path = _CPU_LIST) -> bool:
    """Whether the processor multiplies bfloat16 numbers itself: only there is that precision worth choosing.

    Args:
        cpu_list: Linux's description of the processors. Where there is none, as on macOS and Windows, the answer is no.
    """
    try:
        text = cpu_list.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.partition(":")[0].strip() == "flags"), "")
    return not _BFLOAT16_FLAGS.isdisjoint(flags.split())


@lru_cache(maxsize=1)
def _gpu_names() -> tuple[str, ...]:
    return _ask_driver("name")


def free_gpu_memory() -> float | None:
    """Memory that the fullest card still has, in millions of bytes; None where there is no card."""
    answers = [answer for answer in _ask_driver("memory.free") if answer.split()[0].isdigit()]  # such as "40354 MiB"
    return min((int(answer.split()[0]) * 1.048576 for answer in answers), default=None)


@dataclass(frozen=True)
class CardMemory:
    """The memory of one graphics card, in bytes."""

    name: str
    total: int
    used: int


def gpu_memory() -> tuple[CardMemory, ...]:
    """The memory of each NVIDIA card at this moment, as the driver tells it; () where there is none."""
    found = []
    for answer in _ask_driver("name,memory.total,memory.used"):  # such as "Tesla T4, 15360 MiB, 300 MiB"
        name, *sizes = (part.strip() for part in answer.rsplit(",", 2))
        numbers = [int(size.split()[0]) << 20 for size in sizes if size.split()[0].isdigit()]
        if len(numbers) == 2:
            found.append(CardMemory(name, *numbers))
    return tuple(found)


def _ask_driver(fact: str) -> tuple[str, ...]:
    """Asks the driver's own tool, a line a card; a machine without one has no card that could be used."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    try:
        answer = subprocess.run(  # noqa: S603 - the driver's tool, found on the path, with fixed arguments
            [tool, f"--query-gpu={fact}", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_QUERY_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(line.strip() for line in answer.stdout.splitlines() if line.strip()) if not answer.returncode else ()


def _has_cuda_packages() -> bool:
    """Whether `tensorflow[and-cuda]` was installed, by the one library of it that nothing works without."""
    for name in _CUDA_PACKAGES:
        try:
            distribution(name)
        except PackageNotFoundError:
            continue
        return True
    return False


@lru_cache(maxsize=1)
def cpu_name() -> str:
    """The processor's name, as the system tells it."""
    try:
        for line in _CPU_LIST.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    except OSError:
        return platform.processor() or platform.machine()  # macOS and Windows
    return platform.processor() or platform.machine()


def _usable_cores() -> int:
    process = psutil.Process()
    affinity = getattr(process, "cpu_affinity", None)  # not on macOS
    return len(affinity()) if affinity else psutil.cpu_count() or 1
