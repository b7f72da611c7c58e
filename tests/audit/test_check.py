"""The whole check, on made-up photos with known faults."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.audit.conftest import encoded, paint
from tlcore.audit.check import check_dataset
from tlcore.audit.embeddings import TASK
from tlcore.audit.files import audit_folder
from tlcore.audit.findings import Audit, FindingKind, apply_fix, open_findings, read_audit, read_average, read_map
from tlcore.data.catalog import open_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.data.edits import exclude
from tlcore.data.importer import import_pictures
from tlcore.errors import DatasetError
from tlcore.progress import Silence, Stopped
from tlcore.workspace import Workspace


class Watcher(Silence):
    """Keeps the tasks it is told, and asks to stop during one of them."""

    def __init__(self, stop_in: str = "") -> None:
        self.tasks: dict[str, int] = {}
        self.done = 0
        self._stop_in = stop_in

    def progress(self, task: str, done: int, total: int) -> None:
        self.tasks[task] = total
        self.done = done

    def stop_requested(self) -> bool:
        return self._stop_in in self.tasks


@dataclass(frozen=True)
class Checked:
    workspace: Workspace
    info: DatasetInfo
    audit: Audit

    def cases(self, kind: FindingKind) -> list[tuple[str, ...]]:
        return [item.keys for finding in self.audit.findings if finding.kind == kind for item in finding.items]


def checked(workspace: Workspace, folder: Path) -> Checked:
    info = import_pictures(workspace, folder, "things")
    return Checked(workspace, info, check_dataset(workspace, info.id))


def with_faults(folder: Path, painted: Callable[..., Path]) -> Path:
    """Training and test parts of 36 and 12 made-up photos a class, with one or two faults of each kind."""
    painted(folder / "train", disc=36, bar=36)
    for kind in ("disc", "bar"):
        (folder / "test" / kind).mkdir(parents=True)
        for number in range(100, 112):
            (folder / "test" / kind / f"{number}.jpg").write_bytes(encoded(paint(kind, number)))
    train, test = folder / "train", folder / "test"
    shutil.copy(train / "disc/000.jpg", train / "disc/again.jpg")
    (test / "disc/smaller.jpg").write_bytes(encoded(paint("disc", 1).resize((100, 75)), 60))
    (train / "bar/mirrored.jpg").write_bytes(encoded(ImageOps.mirror(paint("bar", 2)).crop((4, 4, 150, 112))))
    (train / "disc/swapped.jpg").write_bytes(encoded(paint("bar", 200)))
    (train / "bar/swapped.jpg").write_bytes(encoded(paint("disc", 201)))
    shutil.copy(train / "disc/003.jpg", train / "bar/both.jpg")
    (train / "bar/cut.jpg").write_bytes((train / "bar/004.jpg").read_bytes()[:900])
    (train / "bar/blank.jpg").write_bytes(encoded(Image.new("RGB", (160, 120), (250, 250, 250))))
    (train / "disc/tiny.jpg").write_bytes(encoded(paint("disc", 300).resize((24, 18))))
    return folder


@pytest.fixture(scope="module")
def faulty(
    tmp_path_factory: pytest.TempPathFactory, painted: Callable[..., Path], with_backbone: Callable[[Path], Workspace]
) -> Checked:
    """Read only: tests share it."""
    root = tmp_path_factory.mktemp("faulty")
    return checked(with_backbone(root / "home"), with_faults(root / "photos", painted))


@pytest.fixture(scope="module")
def clean(
    tmp_path_factory: pytest.TempPathFactory, painted: Callable[..., Path], with_backbone: Callable[[Path], Workspace]
) -> Checked:
    root = tmp_path_factory.mktemp("clean")
    return checked(with_backbone(root / "home"), painted(root / "photos", disc=30, bar=30))


def test_every_planted_fault_is_named(faulty: Checked) -> None:
    assert faulty.cases(FindingKind.EXACT_COPIES) == [("train/disc/000.jpg", "train/disc/again.jpg")]
    assert faulty.cases(FindingKind.LEAK) == [("test/disc/smaller.jpg", "train/disc/001.jpg")]
    assert faulty.cases(FindingKind.UNREADABLE) == [("train/bar/cut.jpg",)]
    assert faulty.cases(FindingKind.BLANK) == [("train/bar/blank.jpg",)]
    assert faulty.cases(FindingKind.TINY) == [("train/disc/tiny.jpg",)]
    assert [set(keys) for keys in faulty.cases(FindingKind.TWO_CLASSES)] == [
        {"train/disc/003.jpg", "train/bar/both.jpg"}
    ]
    assert {keys[0] for keys in faulty.cases(FindingKind.LABEL)} >= {"train/disc/swapped.jpg", "train/bar/swapped.jpg"}
    assert len(faulty.cases(FindingKind.LABEL)) <= 4


def test_the_mirrored_crop_is_found_by_its_content_and_kept_with_its_original(faulty: Checked) -> None:
    assert {frozenset(keys) for keys in faulty.cases(FindingKind.NEAR_COPIES)} == {
        frozenset({"train/bar/002.jpg", "train/bar/mirrored.jpg"})
    }
    dataset = open_dataset(faulty.workspace, faulty.info.id)
    groups = dict(zip(dataset.keys, dataset.groups.tolist(), strict=True))
    assert groups["train/bar/002.jpg"] == groups["train/bar/mirrored.jpg"]
    assert groups["train/bar/005.jpg"] != groups["train/bar/mirrored.jpg"]
    assert faulty.audit.version == dataset.info.version == 2
    assert faulty.audit.fingerprint == dataset.info.fingerprint


def test_what_is_worst_is_told_first(faulty: Checked) -> None:
    severities = [finding.severity for finding in faulty.audit.findings]
    assert severities == sorted(severities, key=("high", "medium", "low").index)
    assert severities[0] == "high"
    for finding in faulty.audit.findings:
        assert finding.title
        assert finding.cost.endswith(".")


def test_the_wrong_label_comes_with_the_right_one(faulty: Checked) -> None:
    labels = next(finding for finding in faulty.audit.findings if finding.kind == FindingKind.LABEL)
    suggested = {item.keys[0]: item.suggestion for item in labels.items}
    assert suggested["train/disc/swapped.jpg"] == "bar"
    assert suggested["train/bar/swapped.jpg"] == "disc"


def test_map_and_averages_show_the_pictures(faulty: Checked) -> None:
    drawn = read_map(faulty.workspace, faulty.info.id)
    assert drawn is not None
    assert set(drawn.keys) == set(open_dataset(faulty.workspace, faulty.info.id).keys)
    assert 0 <= drawn.x.min() < drawn.x.max() <= 1
    assert np.isfinite(drawn.y).all()
    average = read_average(faulty.workspace, faulty.info.id, "disc")
    assert average is not None
    assert average.startswith(b"\x89PNG")
    assert read_average(faulty.workspace, faulty.info.id, "nothing") is None


def test_a_clean_dataset_is_left_in_peace(clean: Checked) -> None:
    assert [finding for finding in clean.audit.findings if finding.severity != "low"] == []
    assert clean.cases(FindingKind.NEAR_COPIES) == []
    assert open_dataset(clean.workspace, clean.info.id).info.version == 1


def test_the_second_check_looks_at_no_picture_again(clean: Checked) -> None:
    watcher = Watcher()
    again = check_dataset(clean.workspace, clean.info.id, watcher)
    assert TASK not in watcher.tasks
    assert again.findings == clean.audit.findings
    assert again.fingerprint == clean.audit.fingerprint


@pytest.fixture
def own(painted: Callable[..., Path], with_backbone: Callable[[Path], Workspace], tmp_path: Path) -> Checked:
    """A small dataset of the test's own, not yet checked."""
    workspace = with_backbone(tmp_path / "home")
    info = import_pictures(workspace, painted(tmp_path / "photos", disc=12, bar=12), "own")
    return Checked(workspace, info, Audit.model_construct(findings=()))


def test_a_stopped_check_leaves_no_result_but_what_it_saw(own: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlcore.audit.embeddings._PIECE", 8)
    monkeypatch.setattr("tlcore.audit.embeddings._BATCH", 8)

    class Halfway(Watcher):
        def stop_requested(self) -> bool:
            return self.done >= 16

    with pytest.raises(Stopped):
        check_dataset(own.workspace, own.info.id, Halfway())
    assert read_audit(own.workspace, own.info.id) is None
    watcher = Watcher()
    check_dataset(own.workspace, own.info.id, watcher)
    assert watcher.tasks[TASK] == 8  # of 24: the others had been seen


def test_each_step_heeds_a_stop_and_keeps_the_last_check(own: Checked) -> None:
    before = check_dataset(own.workspace, own.info.id)
    for task in ("Comparing the pictures", "Looking for wrong labels"):
        with pytest.raises(Stopped):
            check_dataset(own.workspace, own.info.id, Watcher(stop_in=task))
    assert read_audit(own.workspace, own.info.id) == before


def test_damaged_files_are_made_again(own: Checked) -> None:
    check_dataset(own.workspace, own.info.id)
    folder = audit_folder(own.workspace, own.info.id)
    for path in [*folder.glob("*.*"), *folder.glob("*/*.arrow")]:
        path.write_bytes(b"damaged")
    assert read_audit(own.workspace, own.info.id) is None
    assert read_map(own.workspace, own.info.id) is None
    watcher = Watcher()
    check_dataset(own.workspace, own.info.id, watcher)
    assert watcher.tasks[TASK] == 24
    assert read_map(own.workspace, own.info.id) is not None


def test_what_changes_while_it_is_checked_is_checked_again(own: Checked) -> None:
    class Meddler(Watcher):
        def progress(self, task: str, done: int, total: int) -> None:
            if task == "Comparing the pictures" and task not in self.tasks:
                exclude(own.workspace, own.info.id, ["disc/000.jpg"], "test")
            super().progress(task, done, total)

    audit = check_dataset(own.workspace, own.info.id, Meddler())
    assert audit.pictures == 23
    assert audit.fingerprint == open_dataset(own.workspace, own.info.id).info.fingerprint


def test_a_dataset_without_pictures_is_refused(own: Checked) -> None:
    exclude(own.workspace, own.info.id, open_dataset(own.workspace, own.info.id).keys, "test")
    with pytest.raises(DatasetError, match="no pictures"):
        check_dataset(own.workspace, own.info.id)
    with pytest.raises(DatasetError, match="no such dataset"):
        check_dataset(own.workspace, "my/nothing")


def test_fixing_everything_leaves_nothing_to_fix(
    tmp_path: Path, painted: Callable[..., Path], with_backbone: Callable[[Path], Workspace]
) -> None:
    found = checked(with_backbone(tmp_path / "home"), with_faults(tmp_path / "photos", painted))
    for finding in found.audit.findings:
        if finding.fix is not None and finding.fix.action != "balance_weights":
            apply_fix(found.workspace, found.info.id, finding)
    dataset = open_dataset(found.workspace, found.info.id)
    left = open_findings(found.audit, dataset)
    assert {finding.kind for finding in left} <= {FindingKind.UNREADABLE, FindingKind.LABEL}
    assert "train/disc/001.jpg" not in dataset.keys  # the copy in the test stays
    assert "test/disc/smaller.jpg" in dataset.keys
    moved = list(dataset.keys).index("train/disc/swapped.jpg")
    assert dataset.info.class_names[dataset.labels[moved]] == "bar"
    again = check_dataset(found.workspace, found.info.id)
    assert [one.kind for one in again.findings if one.kind in (FindingKind.LEAK, FindingKind.EXACT_COPIES)] == []


def test_once_the_backbone_is_converted_tensorflow_stays_away(own: Checked) -> None:
    program = (
        "import sys; from tlcore.workspace import Workspace; from tlcore.audit.check import check_dataset;"
        f"check_dataset(Workspace.open(), '{own.info.id}');"
        "sys.exit(bool({'tensorflow', 'keras', 'torch'} & set(sys.modules)))"
    )
    environment = os.environ | {"TLCORE_HOME": str(own.workspace.root)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert read_audit(own.workspace, own.info.id) is not None


def test_findings_are_read_without_heavy_libraries() -> None:
    program = (
        "import sys; import tlcore.audit.findings, tlcore.jobs.audit;"
        "sys.exit(bool({'tensorflow', 'openvino', 'sklearn', 'skimage', 'cleanlab', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=300).returncode == 0
