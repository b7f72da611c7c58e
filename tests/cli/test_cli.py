"""The command line as scripts outside the project call it: what is on standard output, and the exit status."""

import json
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.calling import tlcore, tlcore_here
from tests.conftest import FinishedRun
from tests.processes import end_processes_of
from tlcore.workspace import Workspace


def test_quickstart_trains_and_predicts(quickstart: Path) -> None:
    report = json.loads((quickstart / "out.json").read_text())
    assert report["test"]["accuracy"] >= 0.93
    assert report["baseline"]["accuracy"] < 0.35
    assert report["prediction"]["class"] in report["class_names"]
    assert report["prediction"]["label"] in report["class_names"]
    assert report["prediction"]["error"] is None
    assert "epoch" in (quickstart / "err.txt").read_text()


def test_a_path_is_imported_once_and_trained(tmp_path: Path, picture_folder: Path, finished_run: FinishedRun) -> None:
    # The backbone is converted already: that takes as long as all the rest.
    shutil.copytree(finished_run.workspace.engines, Workspace.open(tmp_path).engines, dirs_exist_ok=True)
    options = ("--image-size", 64, "--epochs", 2, "--split", "50,25,25", "--json")
    first = tlcore(tmp_path, "train", "--dataset", picture_folder, *options)
    assert first.status == 0, first.err
    assert first.json["state"] == "completed"
    assert first.json["epochs"]["frozen"] == 2
    datasets = tlcore_here(tmp_path, "datasets", "--json").json
    own = [row for row in datasets if row["source"] == "own"]
    assert len(own) == 1
    # So many rounds that it is still at work when it is told to stop.
    again = tlcore(tmp_path, "train", "--dataset", picture_folder, *options, "--epochs", 10_000, "--detach")
    assert (again.status, again.json["state"]) == (0, "queued")
    assert len(tlcore_here(tmp_path, "datasets", "list", "--json").json) == len(datasets)
    run_id = again.json["run_id"]
    assert {row["run_id"] for row in tlcore_here(tmp_path, "runs", "--json").json} == {run_id, first.json["run_id"]}
    assert tlcore(tmp_path, "runs", "stop", run_id, "--json").json["run_id"] == run_id
    end_processes_of(tmp_path)


def test_a_finished_run_is_shown_used_exported_and_judged(
    finished_run: FinishedRun, tmp_path: Path, crop: Callable[..., bytes]
) -> None:
    home, run_id = finished_run.workspace.root, finished_run.run_id
    shown = tlcore_here(home, "runs", "show", run_id, "--json").json
    assert shown["state"] == "completed"
    assert shown["pid"] > 0
    assert shown["test"]["count"] == 48
    (tmp_path / "cat.png").write_bytes(crop("cat", 1, "PNG"))
    (tmp_path / "text.jpg").write_text("no picture")
    predictions = tlcore(home, "predict", "--run", run_id, tmp_path / "cat.png", tmp_path / "text.jpg", "--json")
    assert predictions.status == 0
    good, bad = predictions.json
    assert set(good) == {"file", "label", "confidence", "probabilities", "error"}
    assert good["probabilities"][good["label"]] == good["confidence"]
    assert bad["label"] is None
    assert bad["error"]
    for name in ("brick", "grass"):
        (tmp_path / "judge" / name).mkdir(parents=True)
        (tmp_path / "judge" / name / "cat.png").write_bytes(crop("cat", 1, "PNG"))
    judged = tlcore(home, "evaluate", "--run", run_id, "--path", tmp_path / "judge", "--json").json
    assert judged["test"]["count"] == 2
    assert sum(map(sum, judged["confusion"])) == 2
    exported = tlcore(home, "export", "--run", run_id, "--format", "keras", "--out", tmp_path / "out", "--json")
    assert zipfile.is_zipfile(exported.json["file"])
    (tmp_path / "file").write_text("in the way")
    refused = tlcore_here(home, "export", "--run", run_id, "--out", tmp_path / "file", "--json")
    assert (refused.status, "can't be written" in refused.json["error"]["text"]) == (2, True)
    small = tlcore_here(home, "predict", "--run", run_id, tmp_path / "cat.png", "--image-size", 20, "--json")
    assert (small.status, "32" in small.json["error"]["hint"]) == (2, True)
    assert tlcore_here(home, "predict", "--run", run_id, tmp_path / "cat.png", "--image-size", 0, "--json").status == 2


def test_backbones(tmp_path: Path) -> None:
    rows = {row["id"]: row for row in tlcore(tmp_path, "backbones", "--json").json}
    assert rows["efficientnet-lite0"]["weights"] == "built in"
    assert rows["vgg16"]["weights"] in ("download", "cached")
    assert len(rows) >= 40
    vgg = tlcore(tmp_path, "backbones", "show", "vgg16", "--json").json
    assert len(vgg["layers"]) == 19
    narrow = tlcore(tmp_path, "backbones", "show", "mobilenetv2", "--width", 0.35, "--json").json
    assert narrow["parameters"] < 1_000_000
    assert narrow["megabytes"] == pytest.approx(narrow["parameters"] * 4e-6, abs=0.1)
    assert [stage["name"] for stage in vgg["stages"]] == ["block1", "block2", "block3", "block4", "block5"]


def test_datasets_import_show_and_delete(tmp_path: Path, picture_folder: Path) -> None:
    (tmp_path / "mixed" / "cat").mkdir(parents=True)
    (tmp_path / "mixed" / "coffee").mkdir()
    for path in picture_folder.glob("c*/*.jpg"):
        (tmp_path / "mixed" / path.parent.name / path.name).write_bytes(path.read_bytes())
    (tmp_path / "mixed" / "cat" / "text.jpg").write_text("no picture")
    imported = tlcore(
        tmp_path / "home", "datasets", "import", tmp_path / "mixed", "--name", "things", "--no-audit", "--json"
    )
    assert imported.status == 0
    data = imported.json
    assert data["dataset_id"] == "my/things"
    assert data["classes"] == {"cat": 12, "coffee": 12}
    assert [item["file"] for item in data["rejected"]] == ["cat/text.jpg"]
    assert data["duplicates"] == 0
    assert tlcore_here(tmp_path / "home", "datasets", "show", "my/things", "--json").json["pictures"] == 24
    # Nobody answers the question: nothing is deleted, and it is no fault of the program.
    asked = tlcore(tmp_path / "home", "datasets", "delete", "my/things")
    assert (asked.status, "Aborted" in asked.err) == (1, True)
    assert tlcore(tmp_path / "home", "datasets", "delete", "my/things", "--yes", "--json").status == 0
    assert tlcore_here(tmp_path / "home", "datasets", "show", "my/things", "--json").status == 2


def huge_png(side: int) -> bytes:
    """A valid PNG of one colour, side x side pixels, in a few hundred kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def bad_zip(path: Path, kind: str, picture: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if kind == "one class":
            archive.writestr("cat/1.jpg", picture)
        elif kind == "text":
            archive.writestr("cat/1.jpg", "no picture")
            archive.writestr("dog/1.jpg", "no picture")
        elif kind == "huge":
            archive.writestr("cat/1.png", huge_png(30_000))
            archive.writestr("dog/1.png", huge_png(30_000))
        elif kind == "leads out":
            archive.writestr("../../cat/1.jpg", picture)
            archive.writestr("dog/1.jpg", picture)
        elif kind == "bomb":
            archive.writestr("cat/1.jpg", bytes(50_000_000))
            archive.writestr("dog/1.jpg", picture)
    return path


@pytest.mark.parametrize("kind", ["empty", "one class", "text", "huge", "leads out", "bomb"])
def test_bad_archives_are_refused_with_the_way_out_and_nothing_is_kept(
    tmp_path: Path, crop: Callable[..., bytes], kind: str
) -> None:
    path = bad_zip(tmp_path / "bad.zip", kind, crop("cat", 1))
    home = tmp_path / "home"
    for command in (
        ("datasets", "import", path, "--name", "bad", "--json"),
        ("train", "--dataset", path, "--json"),
    ):
        ran = tlcore_here(home, *command)
        assert ran.status == 2
        error = ran.json["error"]
        assert error["hint"]
        assert error["text"] in ran.err
    assert not [row for row in tlcore_here(home, "datasets", "--json").json if row["source"] == "own"]
    assert not list((home / "incoming").glob("dataset-*"))
    assert not list((home / "runs").iterdir())
    assert not (tmp_path.parent / "cat").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--image-size", 16), "32"),
        (("--epochs", 0), "epochs"),
        (("--backbone", "efficientnet-lite9"), "efficientnet-lite0"),
        (("--split", "80,10,20"), "sum to 100"),
        (("--unfreeze", "block7"), "finetune"),
        (("--mode", "finetune", "--unfreeze", "block9"), "block7"),
        (("--learning-rate", "nan"), "learning_rate"),
    ],
)
def test_settings_that_can_not_work_are_refused(tmp_path: Path, options: tuple[object, ...], words: str) -> None:
    ran = tlcore_here(tmp_path, "train", "--dataset", "sample/textures", *options, "--json")
    assert ran.status == 2
    assert words in ran.json["error"]["text"]
    assert not list((tmp_path / "runs").iterdir())


def test_unknown_things_and_wrong_usage_exit_with_2(tmp_path: Path) -> None:
    for command in (
        ("runs", "show", "20260101-000000-aaaa", "--json"),
        ("runs", "show", "../../etc", "--json"),
        ("predict", "--run", "20260101-000000-aaaa", "x.jpg", "--json"),
        ("train", "--dataset", "my/nothing", "--json"),
        ("train", "--dataset", "./nothing", "--json"),
        ("datasets", "prepare", "sample/nothing", "--json"),
    ):
        ran = tlcore_here(tmp_path, *command)
        assert ran.status == 2, command
        assert ran.json["error"]["text"]
    for command in (("train", "--json"), ("train", "--dataset", "x", "--mode", "magic", "--json"), ("fly", "--json")):
        ran = tlcore_here(tmp_path, *command)
        assert ran.status == 2, command
        assert ran.json["error"]["kind"] == "Usage"
    assert tlcore_here(tmp_path, "train").status == 2
    # A process of its own ends so as well.
    assert tlcore(tmp_path, "train", "--mode", "magic").status == 2
    unknown = tlcore(tmp_path, "runs", "show", "20260101-000000-aaaa", "--json")
    assert (unknown.status, unknown.json["error"]["text"] in unknown.err) == (2, True)
    # Without ./ it is an id, also when a folder of that name is there.
    assert "./tests" in tlcore_here(tmp_path, "train", "--dataset", "tests", "--json").json["error"]["hint"]
    assert tlcore(tmp_path, "--version").status == 0
