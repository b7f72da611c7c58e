"""`datasets`: what brings pictures in, and what is done with them afterwards."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any, Final

import click

from tlcore.cli.follow import follow_run
from tlcore.cli.output import answers, table
from tlcore.data.catalog import find_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.data.edits import exclude, include
from tlcore.data.incoming import upload_path
from tlcore.data.kaggle import check_kaggle_allowed, parse_kaggle
from tlcore.data.versions import list_versions, restore_version
from tlcore.errors import PictureError, WorkspaceError
from tlcore.jobs.service import submit
from tlcore.serving.inputs import pictures_from
from tlcore.workspace import Workspace

_no_audit = click.option("--no-audit", is_flag=True, help="Don't check the pictures afterwards.")
_new_version = click.option(
    "--new-version", is_flag=True, help="Where a dataset has the name, make these pictures its next version."
)


def describe_import(result: dict[str, Any]) -> str:
    """What came of an import, for people."""
    if "dataset_id" not in result:
        return f"Stopped; nothing was kept ({result['run_id']})."
    counts = ", ".join(f"{name} {count}" for name, count in result["classes"].items())
    lines = [f"{result['dataset_id']}: {counts}."]
    if "added" in result:
        lines.append(f"{result['added']:,} pictures added, {result['copies']:,} passed over as it has them already.")
    if result["duplicates"]:
        lines.append(f"{result['duplicates']} pictures are exact copies of others.")
    lines += [f"Left out: {item['file']}: {item['reason']}" for item in result["rejected"]]
    if result.get("audit"):
        lines.append(f"The pictures are being checked ({result['audit']}).")
    return "\n".join(lines)


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What to call it; its id becomes my/NAME.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="A table with a line file,label for each picture: a file, or its path inside PATH.",
)
@_new_version
@_no_audit
@click.pass_obj
@answers(describe_import)
def import_command(
    workspace: Workspace, path: Path, name: str, labels: Path | None, new_version: bool, no_audit: bool
) -> dict[str, Any]:
    """Import PATH: a zip or a folder of class folders, of train/validation/test with class folders, or of pictures with
    a table of labels.
    """
    payload: dict[str, Any] = {"path": str(path.expanduser().absolute()), "name": name}
    if labels is not None:
        own = labels.expanduser()
        payload["labels"] = str(own.absolute() if own.exists() else labels)
    payload |= {"new_version": new_version, "audit": not no_audit}
    return follow_run(workspace, submit(workspace, "import", payload, f"Import of {path.name}"))


@click.command("kaggle")
@click.argument("slug")
@click.option("--name", help="What to call it; its id becomes my/NAME. As on Kaggle if left out.")
@_new_version
@_no_audit
@click.pass_obj
@answers(describe_import)
def kaggle_command(
    workspace: Workspace, slug: str, name: str | None, new_version: bool, no_audit: bool
) -> dict[str, Any]:
    """Fetch a dataset from Kaggle with your own token. SLUG: owner/name, owner/name/versions/N, or its address."""
    check_kaggle_allowed(workspace)
    dataset = parse_kaggle(slug)
    payload = {"slug": slug, "name": name or dataset.name, "new_version": new_version, "audit": not no_audit}
    return follow_run(workspace, submit(workspace, "kaggle", payload, f"{dataset} from Kaggle"))


@click.command("add")
@click.argument("dataset")
@click.option("--class", "class_name", required=True, help="The class that the pictures show.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@_no_audit
@click.pass_obj
@answers(describe_import)
def add_command(
    workspace: Workspace, dataset: str, class_name: str, files: tuple[Path, ...], no_audit: bool
) -> dict[str, Any]:
    """Add pictures to a class of one of your own datasets. FILES: pictures, folders and zips of them."""
    info = find_dataset(workspace, dataset)
    upload = upload_path(workspace, "pictures.zip")
    try:
        names, unreadable = _pack(workspace, files, upload)
        payload = {"dataset": info.id, "class_name": class_name, "path": str(upload), "audit": not no_audit}
        job = submit(workspace, "add", payload, f"More pictures of {class_name} for {info.name}", info.id)
    except BaseException:
        upload.unlink(missing_ok=True)
        raise
    result = follow_run(workspace, job)
    for item in result.get("rejected", []):
        item["file"] = names.get(item["file"], item["file"])
    return result | {"rejected": [*result.get("rejected", []), *unreadable]}


def _pack(workspace: Workspace, files: Sequence[Path], upload: Path) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Packs pictures for the job; returns their true names by those in the zip, and what can't be read."""
    names: dict[str, str] = {}
    unreadable: list[dict[str, str]] = []
    try:
        with zipfile.ZipFile(upload, "w", zipfile.ZIP_STORED) as archive:
            for number, (name, read) in enumerate(pictures_from(files, workspace.limits), start=1):
                try:
                    data = read()
                except PictureError as error:
                    unreadable.append({"file": name, "reason": str(error)})
                    continue
                member = f"{number}/{PurePath(name).name}"
                names[member] = name
                archive.writestr(member, data)
    except OSError as error:
        raise WorkspaceError(
            f"The pictures can't be brought in: {error.strerror}", value=workspace.incoming, hint="Is the disk full?"
        ) from error
    return names, unreadable


@click.command("versions")
@click.argument("dataset")
@click.pass_obj
@answers(lambda rows: table(rows, ("number", "created", "change", "pictures", "excluded", "restorable")))
def versions_command(workspace: Workspace, dataset: str) -> list[dict[str, Any]]:
    """All versions of a dataset, newest first."""
    return [
        {
            "number": version.number,
            "created": version.created.isoformat(timespec="seconds"),
            "change": version.change,
            "pictures": version.pictures,
            "excluded": version.excluded,
            "restorable": version.restorable,
        }
        for version in list_versions(workspace, find_dataset(workspace, dataset).id)
    ]


def _state(info: DatasetInfo) -> dict[str, Any]:
    counts = {"pictures": info.pictures, "excluded": info.excluded}
    return {"dataset_id": info.id, "version": info.version, "classes": dict(info.counts or {})} | counts


def _describe_state(state: dict[str, Any]) -> str:
    out = f", {state['excluded']:,} left out" if state["excluded"] else ""
    return f"{state['dataset_id']} is at version {state['version']}: {state['pictures']:,} pictures{out}."


@click.command("restore")
@click.argument("dataset")
@click.argument("number", type=int)
@click.pass_obj
@answers(_describe_state)
def restore_command(workspace: Workspace, dataset: str, number: int) -> dict[str, Any]:
    """Bring version NUMBER of a dataset back, as its newest one."""
    return _state(restore_version(workspace, find_dataset(workspace, dataset).id, number))


@click.command("exclude")
@click.argument("dataset")
@click.argument("keys", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why, in plain words; it is kept with the pictures.")
@click.pass_obj
@answers(_describe_state)
def exclude_command(workspace: Workspace, dataset: str, keys: tuple[str, ...], reason: str) -> dict[str, Any]:
    """Leave pictures out of training and tests; they stay in the dataset. KEYS are their names in it."""
    return _state(exclude(workspace, find_dataset(workspace, dataset).id, keys, reason))


@click.command("include")
@click.argument("dataset")
@click.argument("keys", nargs=-1, required=True)
@click.pass_obj
@answers(_describe_state)
def include_command(workspace: Workspace, dataset: str, keys: tuple[str, ...]) -> dict[str, Any]:
    """Put pictures back that were left out."""
    return _state(include(workspace, find_dataset(workspace, dataset).id, keys))


COMMANDS: Final[tuple[click.Command, ...]] = (
    import_command,
    kaggle_command,
    add_command,
    versions_command,
    restore_command,
    exclude_command,
    include_command,
)
"""For the group `datasets`."""
