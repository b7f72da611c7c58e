"""A finished run as one file, to move it to another machine: model, bundle, report, settings and a person's words.

Who owned it, where it lay, what its worker printed, its checkpoints and the caches stay behind. What comes in is data
only: documents are checked and written anew, the Keras model is loaded by nobody but a worker in Keras's safe mode, and
the converted network is made anew from it. The one in the file is for files that this app's operator vouches for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from tlcore.data.incoming import MOVING, private_folder, sweep_incoming
from tlcore.data.parcel import Parcel, open_parcel, refused
from tlcore.data.parcel_writer import ParcelWriter
from tlcore.errors import ImportRefused, RunError, WorkspaceError
from tlcore.evaluation.report import Artifacts, Report, read_test_pictures, write_test_pictures
from tlcore.files import read_json, write_json
from tlcore.progress import Reporter, Silence
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder, RunMeta
from tlcore.runs.identity import Clock, new_id, utc_now
from tlcore.runs.registry import Registry
from tlcore.runs.run_members import (
    BUNDLE,
    CONFIG,
    CONVERTED,
    MODEL,
    PICTURES,
    REPORT,
    WORDS,
    Members,
    RunWords,
    checked_meta,
    read_members,
    read_pictures,
)
from tlcore.serving.bundle import BundleInfo, read_info, write_info
from tlcore.workspace import Workspace, is_safe_id


def pack_run(workspace: Workspace, run_id: str, target: Path) -> Path:
    """Writes a finished run into one file.

    Args:
        workspace: Where it is.
        run_id: Which.
        target: The file to write, replaced where there is one; it appears when it is whole.

    Returns:
        `target`.

    Raises:
        BundleError: Its model is missing or damaged.
        InputError: The file can't be written.
        RunError: There is no such training, or it has no result.
        WorkspaceError: What it left is damaged.
    """
    record = Registry(workspace).get(run_id)
    folder = RunFolder.find(workspace, run_id)
    if record.kind != "train" or not record.state.ended or not folder.report.is_file():
        raise RunError(
            "Only a training that has ended with a result can be packed",
            value=f"{run_id} ({record.kind}, {record.state})",
            hint="Wait for its end, or start it again.",
        )
    bundle = read_info(folder.bundle)
    report = _own_report(folder)
    words = RunWords(
        name=record.title,
        named=record.named,
        note=record.note,
        tags=record.tags,
        created=record.created,
        started=record.started or record.created,
        ended=record.ended or record.created,
    )
    with ParcelWriter(target, "run", run_id) as parcel:
        parcel.add_model(WORDS, words)
        parcel.add_model(CONFIG, report.config)
        parcel.add_model(REPORT, report.model_copy(update={"artifacts": Artifacts(model=MODEL, report=REPORT)}))
        parcel.add_model(BUNDLE, bundle)
        for path in (MODEL, *(CONVERTED if bundle.engine == "openvino" else ())):
            parcel.add_file(path, folder.path / path)
        if folder.test_pictures.is_file():
            parcel.add_lines(PICTURES, iter(read_test_pictures(folder.test_pictures)))
    return target


def _own_report(folder: RunFolder) -> Report:
    try:
        return Report.model_validate(read_json(folder.report))
    except (OSError, ValueError, ValidationError) as error:
        raise WorkspaceError(
            "The report of this run is missing or damaged", value=folder.report, hint="Train it again."
        ) from error


def unpack_run(
    workspace: Workspace,
    path: Path,
    owner: str = "",
    clock: Clock = utc_now,
    reporter: Reporter | None = None,
    *,
    trusted: bool = False,
    token: str | None = None,
) -> str:
    """Takes in a run that was packed elsewhere, whole or not at all; returns its id.

    It keeps its id where no other run has it. Unless the file is trusted this loads TensorFlow: call it in a worker.

    Args:
        workspace: Where it will live.
        path: The file.
        owner: Whose it is here.
        clock: Makes a new id.
        reporter: Told what is being done.
        trusted: Keeps the converted network in the file, which takes a second and no TensorFlow. Only for files that
            nobody but the operator or this program can have written: OpenVINO reads that network in the app's process.
        token: Finds the run in the registry, for whoever is killed before the id can be told.

    Raises:
        ImportRefused: The file is no packed run, damaged or hostile, or its model can't be loaded; or the run is here
            already; or models from outside may not come in here.
        WorkspaceError: The disk is full or can't be written.
    """
    if not workspace.policy.models_from_files:
        raise ImportRefused("Models from outside are not taken in here", hint="Run the app on your own computer.")
    sweep_incoming(workspace)
    with open_parcel(path, "run", workspace.limits) as parcel, private_folder(workspace, MOVING) as making:
        members = read_members(parcel)
        bundle = members.bundle
        run_id = _free_id(workspace, parcel, clock)
        meta = replace(checked_meta(parcel, members, run_id, owner), token=token)
        folder = RunFolder(making)
        try:
            _write(workspace, folder, parcel, meta, members)
            if trusted:
                _keep_network(folder, parcel, run_id, bundle)
            else:
                _remake_network(folder, parcel, run_id, bundle, reporter or Silence())
            folder.write_meta(meta)
            if hasattr(os, "sync"):
                os.sync()  # whole on the disk before it has its name, also after a power cut
            making.rename(workspace.runs / run_id)
        except OSError as error:
            raise WorkspaceError(
                f"The run can't be written: {error.strerror or error}; nothing of it was kept",
                hint="Free some disk space, then try again.",
            ) from error
    Registry(workspace).rebuild()
    return run_id


def _free_id(workspace: Workspace, parcel: Parcel, clock: Clock) -> str:
    """The run's own id, or a new one where another run or job has it.

    Raises:
        ImportRefused: The very same run has it.
    """
    wanted = parcel.manifest.id
    if not is_safe_id(wanted):
        raise refused("The run in the file has an id that can't be used", parcel.name)
    here = RunFolder(workspace.runs / wanted)
    if here.model.is_file() and _digest(here.model) == parcel.files[MODEL].sha256:
        Registry(workspace).rebuild()
        raise ImportRefused("This run is already here", value=wanted, hint="Look for it on the Compare page.")
    while any((parent / wanted).exists() for parent in (workspace.runs, workspace.jobs)):
        wanted = new_id(clock())
    return wanted


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(workspace: Workspace, folder: RunFolder, parcel: Parcel, meta: RunMeta, members: Members) -> None:
    """Everything that a finished run has, but for its bundle and its description."""
    final = RunFolder(workspace.runs / meta.id)
    parcel.copy(MODEL, folder.model)
    if PICTURES in parcel:
        _write_pictures(folder, parcel, members.report)
    own = members.report.model_copy(
        update={"run_id": meta.id, "artifacts": Artifacts(model=str(final.model), report=str(final.report))}
    )
    write_json(folder.config, own.config.to_json())
    write_json(folder.report, own.to_json())
    write_json(folder.result, own.to_json() | {"stopped": own.state == "stopped"})
    _tell(folder, members.words, own)


def _keep_network(folder: RunFolder, parcel: Parcel, run_id: str, bundle: BundleInfo) -> None:
    folder.bundle.mkdir()
    for path in CONVERTED:
        if path in parcel:
            parcel.copy(path, folder.path / path)
    write_info(folder.bundle, bundle.model_copy(update={"run_id": run_id}))


def _remake_network(folder: RunFolder, parcel: Parcel, run_id: str, bundle: BundleInfo, reporter: Reporter) -> None:
    from tlcore.export.remake import remake_bundle  # loads TensorFlow

    remake_bundle(folder.model, folder.bundle, run_id, bundle, reporter, lambda what: refused(what, parcel.name))


def _write_pictures(folder: RunFolder, parcel: Parcel, report: Report) -> None:
    pictures = read_pictures(parcel, report)
    write_test_pictures(
        folder.test_pictures,
        [picture.key for picture in pictures],
        [picture.sha256 for picture in pictures],
        np.array([picture.index for picture in pictures], dtype=np.int64),
        np.array([picture.truth for picture in pictures], dtype=np.int32),
        np.array([picture.probabilities for picture in pictures], dtype=np.float32).reshape(
            -1, len(report.class_names)
        ),
    )


def _tell(folder: RunFolder, words: RunWords, report: Report) -> None:
    """The run's events, as far as its report knows them: batches and what was told on the way stay behind."""
    moments: Iterator[datetime] = iter([words.started])
    now = words.ended

    with EventWriter(folder.events, clock=lambda: next(moments, now)) as events:
        events.write("baseline", **report.baseline.model_dump())
        phase = None
        for row in report.history:
            if row.phase != phase:
                phase = row.phase
                epochs = sum(1 for one in report.history if one.phase == phase)
                trainable = report.parameters.trainable
                events.write("phase", phase=phase.value, epochs=epochs, batches=0, trainable=trainable)
            events.write("epoch", **row.model_dump(mode="json"))
        events.write("note", text="It was trained on another machine and brought here.", level="info")
        events.write("ended", state=report.state, error=None)
