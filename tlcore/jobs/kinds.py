"""The kinds of jobs. Light: runners are named, not imported, so pages and the supervisor read this for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, cast

from tlcore.errors import RunError
from tlcore.jobs.context import Runner
from tlcore.workspace import Workspace

Slot = Literal["train", "light", "calibrate"]

# How many jobs of a slot run at once. Trainings have the machine for themselves; light jobs never wait behind one, and
# measuring this computer waits behind nothing and keeps nothing waiting.
SLOTS: Final[Mapping[Slot, int]] = MappingProxyType({"train": 1, "light": 2, "calibrate": 1})


@dataclass(frozen=True)
class JobKind:
    """One kind of job.

    Attributes:
        name: As in the registry.
        slot: What it competes for.
        runner: Module and function that do the work, `package.module:function`; loaded by the worker only.
    """

    name: str
    slot: Slot
    runner: str

    def folder_parent(self, workspace: Workspace) -> Path:
        """Where folders of this kind lie: trainings are runs, which people keep; the rest are jobs."""
        return workspace.runs if self.name == "train" else workspace.jobs

    def load_runner(self) -> Runner:
        """Imports the function that does the work."""
        module, function = self.runner.split(":")
        return cast(Runner, getattr(import_module(module), function))


KINDS: Final[Mapping[str, JobKind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            JobKind("train", "train", "tlcore.jobs.train:run"),
            JobKind("import", "light", "tlcore.jobs.import_pictures:run"),
            JobKind("kaggle", "light", "tlcore.jobs.kaggle:run"),
            JobKind("add", "light", "tlcore.jobs.add_pictures:run"),
            JobKind("prepare", "light", "tlcore.jobs.prepare:run"),
            JobKind("audit", "light", "tlcore.jobs.audit:run"),
            JobKind("predict", "light", "tlcore.jobs.predict:run"),
            JobKind("calibrate", "calibrate", "tlcore.jobs.calibrate:run"),
            JobKind("restore", "light", "tlcore.jobs.restore:run"),
            JobKind("unpack-run", "light", "tlcore.jobs.unpack:unpack_the_run"),
            JobKind("unpack-dataset", "light", "tlcore.jobs.unpack:unpack_the_dataset"),
            JobKind("share", "light", "tlcore.jobs.sharing:run_share"),
            JobKind("take", "light", "tlcore.jobs.sharing:run_take"),
        )
    }
)


def find_kind(name: str) -> JobKind:
    """The kind of this name.

    Raises:
        RunError: There is no such kind.
    """
    if name not in KINDS:
        raise RunError("There is no such kind of job", value=name, options=KINDS)
    return KINDS[name]
