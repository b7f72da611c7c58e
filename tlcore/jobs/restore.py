"""Bringing a downloaded model back: a zip that the studio wrote becomes a run again.

The zip comes from outside: only files with known names are taken out of it, each up to a size, and the model is loaded
in Keras's safe mode, which runs no code from the file.
"""

from __future__ import annotations

import errno
import lzma
import shutil
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tlcore.config import RunConfig
from tlcore.errors import ImportRefused
from tlcore.evaluation.report import Artifacts, Report
from tlcore.files import read_json, write_json
from tlcore.jobs.context import JobContext
from tlcore.migrations.schema import refuse_newer_schema
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder, RunMeta
from tlcore.runs.identity import new_id
from tlcore.runs.registry import Registry
from tlcore.serving.bundle import DESCRIPTION, BundleInfo
from tlcore.workspace import GIBIBYTE, MEBIBYTE

_LARGEST = {"model.keras": 4 * GIBIBYTE, DESCRIPTION: MEBIBYTE, "report.json": 256 * MEBIBYTE}
_BLOCK = MEBIBYTE

# What `zipfile` raises for a zip that is damaged, encrypted or packed in an unknown way.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, NotImplementedError, RuntimeError)


def run(context: JobContext) -> dict[str, Any]:
    """Makes a run of the zip `payload["path"]`, called `payload["name"]`.

    Returns:
        `{"run_id": …}` of the new, completed run.

    Raises:
        ImportRefused: The zip is not a download of the studio's, or is damaged; nothing is kept.
    """
    source = Path(context.payload["path"])
    run_id = new_id(datetime.now(UTC))
    # Hidden until it is whole, so that nobody sees half a run.
    making = RunFolder(context.workspace.runs / f".{run_id}")
    making.path.mkdir()
    try:
        info, report = _unpack(source, making)
        _remake_bundle(context, making, run_id, info)
        meta = RunMeta(
            id=run_id,
            kind="train",
            name=context.payload["name"],
            dataset=report.dataset.id,
            owner=context.folder.read_meta().owner,
            created=datetime.now(UTC),
        )
        _describe(making, meta, info, report)
        making.path.replace(context.workspace.runs / run_id)
    finally:
        shutil.rmtree(making.path, ignore_errors=True)
        if context.payload.get("remove_after"):
            source.unlink(missing_ok=True)
    Registry(context.workspace).rebuild()
    return {"run_id": run_id}


def _refused(what: str, path: Path) -> ImportRefused:
    return ImportRefused(
        what, value=path.name, hint="Choose a zip that was downloaded from this studio's Results page."
    )


def _unpack(source: Path, folder: RunFolder) -> tuple[BundleInfo, Report]:
    """Takes the known files out of the zip."""
    if not source.is_file():
        raise _refused("There is no such file", source)
    try:
        with zipfile.ZipFile(source) as archive:
            for name, largest in _LARGEST.items():
                _extract(archive, name, folder.path / name, largest, source)
        described = read_json(folder.path / DESCRIPTION)
        refuse_newer_schema(described, 1, "This model", ImportRefused)
        info = BundleInfo.model_validate(described)
        (folder.path / DESCRIPTION).unlink()  # the bundle is made anew, with a description of its own
        document = read_json(folder.report)
        refuse_newer_schema(document, 1, "This model's report", ImportRefused)
        report = Report.model_validate(document)
    except KeyError as error:
        raise _refused(f"The zip is not a downloaded model: {error.args[0]}", source) from error
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise _refused("The zip is damaged or not a zip", source) from error
    except (ValidationError, ValueError) as error:
        raise _refused("The description inside the zip can't be read", source) from error
    if info.class_names != report.class_names:
        raise _refused("The zip's model and report name different classes", source)
    if {len(info.class_names)} != {len(report.confusion), *map(len, report.confusion)}:
        raise _refused("The report inside the zip does not fit its classes", source)
    return info, report


def _extract(archive: zipfile.ZipFile, name: str, target: Path, largest: int, source: Path) -> None:
    """Copies one member in blocks, counting what really comes out: the size that a zip states may be a lie."""
    written = 0
    with archive.open(name) as member, target.open("wb") as out:
        while block := member.read(_BLOCK):
            written += len(block)
            if written > largest:
                raise _refused(f"The file {name} in the zip is larger than a model can be", source)
            out.write(block)


def _remake_bundle(context: JobContext, folder: RunFolder, run_id: str, info: BundleInfo) -> None:
    """Makes the bundle anew from the Keras model: a network in another format is never taken from outside."""
    from tlcore.export.remake import remake_bundle

    remake_bundle(
        folder.model, folder.bundle, run_id, info, context.reporter, lambda what: _refused(what, folder.model)
    )


def _describe(folder: RunFolder, meta: RunMeta, info: BundleInfo, report: Report) -> None:
    """Writes what every finished run has: report, configuration, meta data and its last event."""
    final = folder.path.with_name(meta.id)
    report = report.model_copy(
        update={
            "run_id": meta.id,
            "artifacts": Artifacts(model=str(final / "model.keras"), report=str(final / "report.json")),
        }
    )
    write_json(folder.report, report.to_json())
    config: RunConfig = report.config
    write_json(folder.config, config.to_json())
    write_json(folder.result, report.to_json())
    with EventWriter(folder.events) as events:
        events.write("note", text=f"Brought back from a download of run {info.run_id}.", level="info")
        events.write("ended", state="completed", error=None)
    folder.write_meta(meta)
