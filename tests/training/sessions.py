"""Sessions on the textures sample, at a size that keeps them short."""

from contextlib import ExitStack
from typing import Any

from tlcore.backbones.checks import complete
from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.config import RunConfig
from tlcore.data.dataset import Dataset
from tlcore.data.splits import split_dataset
from tlcore.progress import Silence
from tlcore.training.devices import choose_device
from tlcore.training.material import Material
from tlcore.training.session import Session
from tlcore.workspace import Workspace

SIZE = 64


class Listener(Silence):
    """Keeps every event; asks to stop once there were `stop_after` of a kind."""

    def __init__(self, stop_kind: str = "", stop_after: int = 0) -> None:
        self.events: list[dict[str, Any]] = []
        self._stop = (stop_kind, stop_after)

    def event(self, kind: str, **values: Any) -> None:
        self.events.append({"kind": kind, **values})

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]

    def stop_requested(self) -> bool:
        kind, number = self._stop
        return bool(kind) and len(self.of(kind)) >= number


SESSIONS = ExitStack()
"""Caches are in use until their sessions end; a fixture of `conftest.py` ends them."""


def make(place: Workspace, textures: Dataset, listener: Listener, **options: Any) -> Session:
    head, checkpoints = options.pop("head_weights", None), options.pop("checkpoints", None)
    config = complete(RunConfig.build(**({"dataset": "sample/textures", "image_size": SIZE} | options)))
    backbone = find_backbone(config.backbone)
    material = Material(textures, split_dataset(textures, config.split, config.seed))
    table = layer_table(backbone.id, config.width)
    session = Session(config, backbone, table, material, choose_device(), place, listener, head, checkpoints)
    return SESSIONS.enter_context(session)
