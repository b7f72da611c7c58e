"""`system`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tlcore.cli.output import ListByDefault, answers, table
from tlcore.diagnostics import diagnostics, diagnostics_name
from tlcore.errors import InputError, WorkspaceError
from tlcore.files import write_bytes
from tlcore.logs.reading import errors_in, lines_about, read_lines
from tlcore.overview import describe_error, overview
from tlcore.workspace import Workspace

_ERROR_COLUMNS = ("id", "time", "process", "run_id", "what")
_QUEUE_COLUMNS = ("run_id", "state", "position", "owner", "title")


def _describe(data: dict[str, Any]) -> str:
    devices, disk = data["devices"], data["disk"]
    cards = ", ".join(devices["gpus"]) or "no NVIDIA card"
    memory = f"{devices['memory_free'] / 1e9:.1f} of {devices['memory_total'] / 1e9:.1f} GB of memory free"
    place = data["workspace"]
    lines = [
        f"{devices['cpu']}, {devices['cores']} cores, {cards}; {memory}",
        f"Workspace: {place['root']} ({place['mode']}, format {place.get('format')}), "
        f"{sum(disk['used'].values()) / 1e9:.2f} GB; {disk['free'] / 1e9:.1f} GB free on its disk",
        f"Caches: {data['caches']['used'] / 1e9:.2f} of {data['caches']['budget'] / 1e9:.2f} GB",
        *(f"{name}: {version}" for name, version in data["versions"].items()),
    ]
    for title, rows, columns in (
        ("Processes", _megabytes(data["processes"]), ("role", "pid", "job", "MB")),
        ("Queue", data["queue"], _QUEUE_COLUMNS),
        ("Recent errors", data["errors"], _ERROR_COLUMNS),
        ("Failed jobs", data["failed"], ("run_id", "title", "error")),
        ("Put right at start", data["repairs"], ("time", "text")),
    ):
        lines += ["", f"{title}:", table(rows, columns) if rows else "None."]
    return "\n".join(lines)


def _megabytes(processes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [process | {"MB": (process["memory_bytes"] or 0) / 1e6} for process in processes]


@click.group(cls=ListByDefault)
def system() -> None:
    """Show what the program runs on, what waits and what went wrong; make a file for whoever helps."""


@system.command("list")
@click.pass_obj
@answers(_describe)
def list_command(workspace: Workspace) -> dict[str, Any]:
    """Versions, devices, disk, caches, processes, queue, errors and repairs."""
    return overview(workspace)


@system.command("errors")
@click.argument("error_id", metavar="[ID]", required=False)
@click.pass_obj
@answers(lambda data: "\n".join(data["lines"]) if "lines" in data else table(data["errors"], _ERROR_COLUMNS))
def errors_command(workspace: Workspace, error_id: str | None) -> dict[str, Any]:
    """Recent unexpected errors; with an ID what the log says of that one."""
    lines = read_lines(workspace.host)
    errors = errors_in(lines)
    if error_id is None:
        return {"errors": [describe_error(line) for line in errors]}
    about = lines_about(lines, error_id)
    if not about:
        raise InputError(
            "The log has nothing on this error",
            value=error_id[:100],
            options=[line.error for line in errors],
            hint="Old lines make way for new ones. The log is in this workspace's folder logs.",
        )
    return {"id": error_id, "lines": [line.text for line in about]}


@system.command("diagnostics")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to put it; else in this folder.")
@click.pass_obj
@answers(lambda data: f"{data['file']}: {data['bytes'] / 1e3:.0f} kB. It is text: look through it before you send it.")
def diagnostics_command(workspace: Workspace, out: Path | None) -> dict[str, Any]:
    """Write a zip without names, pictures or secrets, for whoever helps."""
    path = (out or Path(diagnostics_name())).expanduser().absolute()
    if path.is_dir():
        path = path / diagnostics_name()
    data = diagnostics(workspace)
    try:
        write_bytes(path, data)
    except OSError as error:
        raise WorkspaceError(
            f"The file can't be written: {error.strerror}", value=path, hint="Choose another place with --out."
        ) from error
    return {"file": str(path), "bytes": len(data)}
