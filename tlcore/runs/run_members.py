"""What a packed run consists of: the names of its parts, and whether those of a file fit together.

Nothing in such a file is believed: documents are checked by their schema and against each other, and what people wrote
as if it were typed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from tlcore.config import RunConfig
from tlcore.data.parcel import Parcel, refused
from tlcore.errors import InputError, StudioError
from tlcore.evaluation.report import Report, TestPicture
from tlcore.runs.folder import RunMeta
from tlcore.runs.labels import LONGEST_NAME, checked_name, checked_note, checked_tags
from tlcore.serving.bundle import DESCRIPTION, NETWORK, BundleInfo
from tlcore.workspace import GIBIBYTE, MEBIBYTE

WORDS: Final = "run.json"
CONFIG: Final = "config.json"
REPORT: Final = "report.json"
MODEL: Final = "model.keras"
BUNDLE: Final = f"bundle/{DESCRIPTION}"
CONVERTED: Final = (f"bundle/{NETWORK}", f"bundle/{Path(NETWORK).stem}.bin")
PICTURES: Final = "test_pictures.jsonl"

_LARGEST_REPORT: Final = 256 * MEBIBYTE
_LARGEST_FILE: Final = 4 * GIBIBYTE


class RunWords(BaseModel):
    """What people call a run and say of it, and when it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    named: bool
    note: str
    tags: tuple[str, ...]
    created: AwareDatetime
    started: AwareDatetime
    ended: AwareDatetime


@dataclass(frozen=True)
class Members:
    """The documents of a packed run, which fit together."""

    words: RunWords
    report: Report
    bundle: BundleInfo


def read_members(parcel: Parcel) -> Members:
    """Reads and checks the documents of a packed run, and that the file has nothing else but what belongs to one.

    Raises:
        ImportRefused: It is no run's file, or damaged or hostile.
    """
    words = parcel.document(WORDS, RunWords)
    report = _report(parcel)
    bundle = _bundle(parcel, report)
    _check_files(parcel, bundle)
    return Members(words, report, bundle)


def read_pictures(parcel: Parcel, report: Report) -> list[TestPicture]:
    """The test pictures of a packed run that has a list of them.

    Raises:
        ImportRefused: They don't fit the report.
    """
    pictures = parcel.lines(PICTURES, TestPicture, _LARGEST_REPORT)
    classes = len(report.class_names)
    for picture in pictures:
        if len(picture.probabilities) != classes or not (0 <= picture.truth < classes and 0 <= picture.index < 2**31):
            raise refused("The test pictures in the file do not fit its classes", parcel.name)
    return pictures


def checked_meta(parcel: Parcel, members: Members, run_id: str, owner: str) -> RunMeta:
    """What a person said of the run, checked as if it were typed here.

    Args:
        parcel: The file, for messages.
        members: Its documents.
        run_id: What the run is called here.
        owner: Whose it is here.

    Raises:
        ImportRefused: Name, note or tags can't be used.
    """
    words = members.words
    try:
        return RunMeta(
            id=run_id,
            kind="train",
            name=checked_name(words.name[:LONGEST_NAME]),
            dataset=members.report.dataset.id,
            owner=owner,
            created=words.created,
            tags=checked_tags(words.tags),
            notes=checked_note(words.note),
            named=words.named,
        )
    except InputError as error:
        raise refused("The name, note or tags in the file can't be used", f"{parcel.name}: {error.what}") from error


def _report(parcel: Parcel) -> Report:
    """The report in the file, with a configuration that fits it."""
    report = parcel.document(REPORT, Report, _LARGEST_REPORT)
    config = parcel.document(CONFIG, RunConfig)
    try:
        RunConfig.from_json(config.to_json())
    except StudioError as error:
        raise refused("The settings in the file contradict each other", f"{parcel.name}: {error}") from error
    if config != report.config:
        raise refused("The settings and the report in the file are of different runs", parcel.name)
    names = report.class_names
    if (
        len(names) < 2
        or len(set(names)) != len(names)
        or {len(names)} != {len(report.confusion), *map(len, report.confusion)}
    ):
        raise refused("The report in the file does not fit its classes", parcel.name)
    if not set(report.per_class) <= set(names):
        raise refused("The report in the file does not fit its classes", parcel.name)
    return report


def _bundle(parcel: Parcel, report: Report) -> BundleInfo:
    info = parcel.document(BUNDLE, BundleInfo)
    # A bundle that asks for pictures of another size could ask for a size that no memory holds.
    if (info.class_names, info.backbone, info.image_size) != (
        report.class_names,
        report.backbone,
        report.config.image_size,
    ):
        raise refused("The model and the report in the file are of different runs", parcel.name)
    return info


def _check_files(parcel: Parcel, bundle: BundleInfo) -> None:
    """The file has what belongs to a run, and nothing else."""
    needed = {WORDS, CONFIG, REPORT, BUNDLE, MODEL, *(CONVERTED if bundle.engine == "openvino" else ())}
    found = set(parcel.files) - {PICTURES}
    if found != needed:
        odd = ", ".join(sorted(found ^ needed)[:3])
        raise refused("The file lacks a part of a run, or has one that is none", f"{parcel.name}: {odd[:200]}")
    if any(file.size > _LARGEST_FILE for file in parcel.manifest.files):
        raise refused("A part of the file is larger than a model can be", parcel.name)
