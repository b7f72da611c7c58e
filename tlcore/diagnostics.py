"""A zip for whoever helps from afar: how the program runs here, and nothing of what it is used for.

It holds no pictures, no names of files, folders, datasets, classes or people, and no secrets. That is so by
construction: only figures, states, versions and the program's own fixed words go in. Of a log line that is the message
before its values were filled in, and of an error its kind and the program's lines that it passed through.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final

from tlcore.caches.budget import list_items
from tlcore.devices import describe_host, gpu_memory
from tlcore.errors import StudioError
from tlcore.logs.reading import LogLine, read_lines
from tlcore.logs.writing import OURS
from tlcore.members import all_workspaces
from tlcore.migrations.mark import read_mark
from tlcore.modes import CACHE_VARIABLE, MINUTES_VARIABLE, MODE_VARIABLE, SOURCES_VARIABLE, WORKSPACE_VARIABLE
from tlcore.overview import folder_sizes, installed_versions
from tlcore.processes import own_processes
from tlcore.runs.events import Event, last_event, read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.repairs import read_repairs
from tlcore.training.speeds import known_speeds
from tlcore.workspace import Workspace

_README: Final = """What is in here
===============
Versions, settings, devices, disk and memory in use; the states and times of jobs; how well forecasts fitted; the last
lines of the log and the kinds of errors, with where in the program they happened.

What is not
===========
Pictures; names of files, folders, datasets, classes and people; messages with such names in them; passwords and tokens.
All of it is text: look through it before you send it.
"""

_MOST_JOBS: Final = 200

_log = logging.getLogger(__name__)
_MOST_LINES: Final = 1000
_TOLD: Final = (
    MODE_VARIABLE,
    CACHE_VARIABLE,
    WORKSPACE_VARIABLE,
    SOURCES_VARIABLE,
    MINUTES_VARIABLE,
    "TLCORE_RESUME",
)
_CONFIG: Final = ("backbone", "mode", "image_size", "batch_size", "epochs", "fine_tune_epochs", "seed")
_ERROR_ID: Final = re.compile(r"\bE-[0-9a-f]{6}\b")
_FRAME: Final = re.compile(r'^  File "([^"]+)", line (\d+), in ([\w.<>]+)$', re.MULTILINE)
_PACKAGES: Final = ("site-packages", "dist-packages")


def diagnostics(workspace: Workspace, environment: Mapping[str, str] = os.environ) -> bytes:
    """The zip.

    Args:
        workspace: Any workspace of the app; those of others are counted too.
        environment: The variables that set the app up.
    """
    names = _Names()
    documents = {
        "versions.json": installed_versions(),
        "settings.json": _settings(workspace, environment),
        "devices.json": asdict(describe_host()) | {"cards": [asdict(card) for card in gpu_memory()]},
        "disk.json": {"used": folder_sizes(workspace), "caches": _caches(workspace)},
        "processes.json": [asdict(process) for process in own_processes(workspace.host)],
        "jobs.json": list(_jobs(workspace, names)),
        "forecasts.json": list(_forecasts(workspace)),
        "speeds.json": [_speed(one.model_dump(mode="json"), names) for one in known_speeds(workspace)],
        "repairs.json": [{"time": one.time.isoformat(), "what": _fixed(one.text)} for one in read_repairs(workspace)],
    }
    lines = "".join(json.dumps(_line(line)) + "\n" for line in read_lines(workspace.host, _MOST_LINES))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _README)
        for name, document in documents.items():
            archive.writestr(name, json.dumps(document, indent=2))
        archive.writestr("log.jsonl", lines)
    return file.getvalue()


def diagnostics_name(now: datetime | None = None) -> str:
    """What to call the file."""
    return f"diagnostics-{now or datetime.now(UTC):%Y%m%d-%H%M%S}.zip"


class _Names:
    """Numbers in place of people's names for datasets, the same one for the same dataset."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def dataset(self, dataset_id: str) -> str:
        """ "dataset 3"; the samples keep their names, which say nothing of anybody."""
        if not dataset_id or dataset_id.startswith("sample/"):
            return dataset_id
        return f"dataset {self._numbers.setdefault(dataset_id, len(self._numbers) + 1)}"


def _settings(workspace: Workspace, environment: Mapping[str, str]) -> dict[str, Any]:
    mark = read_mark(workspace.root)
    return {
        "mode": workspace.mode,
        "sources": sorted(source.value for source in workspace.sources or ()),
        "limits": asdict(workspace.limits),
        "variables": {
            name: environment[name] if name in _TOLD else "(set)" for name in sorted(environment) if "TLCORE" in name
        },
        "format": mark.format if mark else None,
        "made_by": mark.version if mark else None,
        "moves": [{"to": move.to, "version": move.version, "when": move.when} for move in mark.moves] if mark else [],
    }


def _caches(workspace: Workspace) -> list[dict[str, Any]]:
    return [{"kind": item.kind, "bytes": item.bytes, "in_use": item.in_use} for item in list_items(workspace)]


def _jobs(workspace: Workspace, names: _Names) -> Iterator[dict[str, Any]]:
    for number, place in enumerate(all_workspaces(workspace), start=1):
        for record in _listed(place):
            yield {
                "workspace": number,
                "id": record.id,
                "kind": record.kind,
                "dataset": names.dataset(record.dataset),
                "state": record.state.value,
                "created": record.created.isoformat(),
                "queued": record.queued.isoformat(),
                "started": record.started.isoformat() if record.started else None,
                "ended": record.ended.isoformat() if record.ended else None,
                "error_ids": _ERROR_ID.findall(record.error or ""),
                **_of_folder(place, record),
            }


def _listed(place: Workspace, kind: str | None = None) -> tuple[JobRecord, ...]:
    """A workspace's newest jobs; none where its list can't be read, since that may be what help is needed with."""
    try:
        return Registry(place).list(kind)[:_MOST_JOBS]
    except StudioError as error:
        _log.warning("the jobs of a workspace are left out of the diagnostics: %s", error)
        return ()


def _of_folder(place: Workspace, record: JobRecord) -> dict[str, Any]:
    """What a job's own folder tells: the kind of its error, how often it was begun, a training's main settings."""
    try:
        folder = RunFolder.find(place, record.id)
        last = last_event(folder.events) or {}
        config = folder.read_config() if record.kind == "train" else {}
    except (StudioError, OSError):
        return {"folder": "missing or damaged"}
    details = last.get("details")
    return {
        "error_kind": details.get("kind") if isinstance(details, dict) else None,
        "attempts": 1 + sum(1 for _ in folder.path.glob("events-*.jsonl")),
        "config": {name: config[name] for name in _CONFIG if isinstance(config.get(name), int | float | str)},
    }


def _forecasts(workspace: Workspace) -> Iterator[dict[str, Any]]:
    """Of each training that ended by itself: what was foretold at its start, and what it took."""
    for place in all_workspaces(workspace):
        for record in _listed(place, "train"):
            if record.started is None or record.ended is None or record.state.value != "completed":
                continue
            told = _foretold(place, record)
            if told is not None:
                steps = {step["name"]: step["seconds"] for step in told["steps"]}
                took = round((record.ended - record.started).total_seconds(), 1)
                yield {"run": record.id, "basis": told.get("basis"), "steps": steps, "seconds": took}


def _foretold(place: Workspace, record: JobRecord) -> Event | None:
    try:
        events = read_events(RunFolder.find(place, record.id).events).events
    except StudioError:
        return None  # deleted meanwhile
    return next((event for event in events if event["kind"] == "forecast"), None)


def _speed(speed: dict[str, Any], names: _Names) -> dict[str, Any]:
    return speed | {"under": speed["under"] | {"dataset": names.dataset(speed["under"]["dataset"])}}


def _fixed(text: str) -> str:
    """The words of a repair before the first name."""
    return re.split(r'[:"]|\(', text)[0].strip()


def _line(line: LogLine) -> dict[str, Any]:
    ours = line.logger.partition(".")[0] in (*OURS, "__main__")
    return {
        "time": line.time,
        "level": line.level,
        "process": line.process,
        "pid": line.pid,
        "run": line.run,
        "logger": line.logger if ours else line.logger.partition(".")[0],
        "template": line.template if ours else "",
        "error": line.error,
        "exception": line.exception,
        "frames": [f"{_place(path)}:{number} {name}" for path, number, name in _FRAME.findall(line.trace)],
    }


def _place(path: str) -> str:
    """A source file's path inside its package; no more than its kind where it belongs to none."""
    parts = PurePath(path).parts
    for root in (*OURS, *_PACKAGES):
        if root in parts:
            place = len(parts) - 1 - parts[::-1].index(root)
            return "/".join(parts[place if root in OURS else place + 1 :])
    return "(python)"
