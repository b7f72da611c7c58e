"""What the frozen part of a network is, so that whatever was computed by it is found again and never mistaken."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from tlcore.backbones.record import Backbone, DownloadedWeights, LayerTable, PackagedWeights
from tlcore.backbones.registry import resolve_width

BUILDING: Final = 1
"""Goes up when the same backbone comes to be built in another way, so that nothing computed before is used."""

_CONVERTING: Final = ("openvino", "keras", "tensorflow")


@dataclass(frozen=True)
class FrozenNetwork:
    """The part of a pretrained backbone that does not learn.

    Attributes:
        backbone: The network.
        table: Its layers at `width`; knows the weights.
        width: Width multiplier; None is the backbone's default.
        size: Side of the pictures, in pixels.
        cut: Index of the first backbone layer that learns: the activations that cross into it are wanted as well
            (output "trunk"). None where nothing learns.
    """

    backbone: Backbone
    table: LayerTable
    width: float | None
    size: int
    cut: int | None = None

    @property
    def identity(self) -> tuple[tuple[str, str], ...]:
        """Everything that decides what the network computes, as names and values; part of every key of its outputs."""
        return (
            ("backbone", self.backbone.id),
            ("width", str(resolve_width(self.backbone, self.width))),
            ("size", str(self.size)),
            ("preprocessing", self.backbone.preprocessing),
            ("weights", _weights_identity(self.table.weights)),
            ("cut", str(self.cut)),
            ("building", str(BUILDING)),
        )

    @property
    def name(self) -> str:
        """A readable start for file names."""
        cut = "" if self.cut is None else f"-cut{self.cut}"
        width = resolve_width(self.backbone, self.width)
        scale = "" if width is None else f"-{width:g}"
        return f"{self.backbone.id}{scale}{cut}-{self.size}"


def _weights_identity(weights: PackagedWeights | DownloadedWeights) -> str:
    """The published checksum; the content of a file that lies in a package; the address where neither is there."""
    if isinstance(weights, DownloadedWeights):
        return weights.checksum or weights.url
    try:
        with as_file(files(weights.package) / weights.file) as path:
            state = path.stat()
            return _digest(path, state.st_size, state.st_mtime_ns)
    except (ModuleNotFoundError, FileNotFoundError):
        return f"{weights.package} {weights.file}, not installed"


@lru_cache(maxsize=16)
def _digest(path: Path, size: int, modified: int) -> str:  # noqa: ARG001 - another size or time is another file
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def network_path(folder: Path, network: FrozenNetwork, on_gpu: bool = False) -> Path:
    """Where the converted network lies (.xml): a new place for another network or another converter.

    Args:
        folder: The workspace's folder of converted networks.
        network: What is converted.
        on_gpu: Whether it was built for a GPU: its layers then compute in mixed precision where the card has it.
    """
    versions = [f"{package} {version(package)}" for package in _CONVERTING]
    identity = [f"{name} {value}" for name, value in network.identity]
    key = "\n".join([*identity, *versions, "gpu" if on_gpu else "cpu"])
    return folder / f"{network.name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.xml"
