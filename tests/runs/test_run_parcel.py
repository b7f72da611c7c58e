"""A run as one file: it answers the same on another machine, and nothing else comes in by that way."""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.pages.made_runs import CLASSES, add_run, add_test_pictures, made_report
from tlcore.data.parcel import Parcel
from tlcore.errors import ImportRefused, RunError
from tlcore.evaluation.report import Report, read_test_pictures
from tlcore.files import write_json
from tlcore.modes import POLICIES
from tlcore.runs import run_parcel
from tlcore.runs.folder import RunFolder
from tlcore.runs.labels import describe
from tlcore.runs.registry import Registry
from tlcore.runs.run_parcel import pack_run, unpack_run
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.serving.bundle import BundleInfo, write_info
from tlcore.workspace import Workspace

CAT_AND_COFFEE = {"class_names": CLASSES, "engine": "openvino", "backbone": "efficientnet-lite0", "image_size": 224}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the finished run `r1`, whose figures and weights are invented. Read only: tests share it."""
    home = Workspace.open(tmp_path_factory.mktemp("there") / "home")
    folder = RunFolder.find(home, add_run(home, "r1"))
    # What a training leaves: its report names paths of this machine.
    report = made_report("r1", more={"artifacts": {"model": str(folder.model), "report": str(folder.report)}})
    write_json(folder.report, report.to_json())
    add_test_pictures(home, "r1", ["cat/1.jpg", "coffee/2.jpg"], [0, 1])
    folder.bundle.mkdir()
    write_info(folder.bundle, BundleInfo(run_id="r1", preprocessing="lite", versions={}, **CAT_AND_COFFEE))
    for path in (folder.model, folder.bundle / "model.xml", folder.bundle / "model.bin"):
        path.write_bytes(b"weights of " + path.name.encode())
    (folder.path / "worker.log").write_text(f"written in {home.root}")
    describe(home, "r1", name="Surfaces", note="first\nsecond", tags=["rough"])
    return home


@pytest.fixture(scope="module")
def parcel(home: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack_run(home, "r1", tmp_path_factory.mktemp("parcel") / "run.zip")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "elsewhere")


def test_a_run_is_on_another_machine_what_it_was(home: Workspace, parcel: Path, elsewhere: Workspace) -> None:
    assert unpack_run(elsewhere, parcel, owner="bob", trusted=True) == "r1"
    there, here = Registry(home).get("r1"), Registry(elsewhere).get("r1")
    assert here == replace(there, owner="bob", queued=there.created, pid=None)
    old, new = (RunFolder.find(workspace, "r1") for workspace in (home, elsewhere))
    before, after = (Report.model_validate_json(folder.report.read_text()) for folder in (old, new))
    assert after.artifacts.model == str(new.model)
    assert after.model_copy(update={"artifacts": before.artifacts}) == before
    assert new.read_config() == old.read_config()
    assert read_test_pictures(new.test_pictures) == read_test_pictures(old.test_pictures)
    for name in ("model.keras", "bundle/bundle.json", "bundle/model.xml", "bundle/model.bin"):
        assert (new.path / name).read_bytes() == (old.path / name).read_bytes()
    view = RunView.open(elsewhere, "r1")
    assert [row["epoch"] for row in view.history] == [1, 2, 3]
    assert view.seconds_running == 60.0
    assert list(elsewhere.incoming.iterdir()) == []


def test_nothing_of_this_machine_is_in_it(home: Workspace, parcel: Path) -> None:
    assert str(home.root) in RunFolder.find(home, "r1").report.read_text()
    assert Registry(home).get("r1").owner == "tester"
    secrets = [str(home.root), "tester", "pid", "host"]
    with zipfile.ZipFile(parcel) as archive:
        names = archive.namelist()
        texts = [archive.read(name) for name in names]
    assert sorted(names) == [
        "bundle/bundle.json",
        "bundle/model.bin",
        "bundle/model.xml",
        "config.json",
        "manifest.json",
        "model.keras",
        "report.json",
        "run.json",
        "test_pictures.jsonl",
    ]
    assert not [secret for secret in secrets for text in texts if secret.encode() in text]


def test_a_run_that_is_here_is_told_and_a_taken_id_is_not_used_twice(parcel: Path, elsewhere: Workspace) -> None:
    run_id = unpack_run(elsewhere, parcel, trusted=True)
    with pytest.raises(ImportRefused, match="already here"):
        unpack_run(elsewhere, parcel)
    RunFolder.find(elsewhere, run_id).model.write_bytes(b"another model")
    other = unpack_run(elsewhere, parcel, trusted=True)
    assert other != run_id
    assert json.loads((RunFolder.find(elsewhere, other).bundle / "bundle.json").read_text())["run_id"] == other
    assert len(Registry(elsewhere).list("train")) == 2


def test_a_strangers_network_is_neither_read_nor_kept(
    parcel: Path, elsewhere: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def note(parcel: Parcel, path: str) -> Iterator[bytes]:
        read.append(path)
        return pieces(parcel, path)

    def made_anew(model: Path, folder: Path, run_id: str, *_: object) -> None:
        assert model.read_bytes() == b"weights of model.keras"
        folder.mkdir()
        (folder / "model.xml").write_bytes(b"made here")
        write_info(folder, BundleInfo(run_id=run_id, preprocessing="lite", versions={}, **CAT_AND_COFFEE))

    pieces = Parcel._pieces
    monkeypatch.setattr(Parcel, "_pieces", note)
    monkeypatch.setitem(sys.modules, "tlcore.export.remake", SimpleNamespace(remake_bundle=made_anew))
    hostile = repacked(parcel, tmp_path / "hostile.zip", put("bundle/model.xml", b"<net>from outside"))
    folder = RunFolder.find(elsewhere, unpack_run(elsewhere, hostile))
    assert "model.keras" in read
    assert not {"bundle/model.xml", "bundle/model.bin"} & set(read)
    assert {path.name for path in folder.bundle.iterdir()} == {"bundle.json", "model.xml"}
    assert (folder.bundle / "model.xml").read_bytes() == b"made here"


Change = Callable[[dict[str, bytes]], None]


def repacked(parcel: Path, target: Path, change: Change, told: bool = True) -> Path:
    """The parcel with some members changed; with `told` its manifest says so."""
    with zipfile.ZipFile(parcel) as source:
        members = {name: source.read(name) for name in source.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    before = dict(members)
    change(members)
    if told:
        manifest["files"] = [
            {"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in members.items()
        ]
    assert members != before
    with zipfile.ZipFile(target, "w") as out:
        for name, data in members.items():
            out.writestr(name, data)
        out.writestr("manifest.json", json.dumps(manifest))
    return target


def edited(file: str, **values: Any) -> Change:
    """Replaces values in a JSON document."""

    def change(members: dict[str, bytes]) -> None:
        members[file] = json.dumps(json.loads(members[file]) | values).encode()

    return change


def put(name: str, data: bytes) -> Change:
    return lambda members: members.update({name: data})


def without(name: str) -> Change:
    return lambda members: members.pop(name) and None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("../outside.txt", b"x"), "leads out"),
        (put("/etc/cron.d/x", b"x"), "leads out"),
        (put("weights.pkl", b"\x80\x04."), "has one that is none"),
        (put("bundle/extra.so", b"\x7fELF"), "has one that is none"),
        (put("bundle/../model.keras", b"x"), "leads out"),
        (put("checkpoints/standing.npz", b"x"), "has one that is none"),
        (put("MODEL.keras", b"x"), "same name"),
        (without("model.keras"), "lacks a part"),
        (without("bundle/model.bin"), "lacks a part"),
        (put("report.json", b"{}"), "can't be read"),
        (put("report.json", b"[" * 100_000), "can't be read"),
        (put("config.json", b"\xff"), "can't be read"),
        (edited("config.json", epochs=77), "different runs"),
        (edited("config.json", dropout=0.5), "can't be read"),
        (edited("bundle/bundle.json", image_size=60_000), "different runs"),
        (edited("bundle/bundle.json", class_names=["a", "b"]), "different runs"),
        (edited("report.json", confusion=[[1]]), "does not fit"),
        (edited("run.json", name="\u202e"), "can't be used"),
        (edited("run.json", tags=["x" * 100]), "can't be used"),
        (edited("run.json", created="2026-01-01T00:00:00"), "can't be read"),
        (put("test_pictures.jsonl", b'{"key":"a","index":0,"truth":9,"probabilities":[0.5,0.5]}'), "do not fit"),
        (put("test_pictures.jsonl", b"PAR1"), "can't be read"),
    ],
)
def test_what_is_no_run_is_refused_and_leaves_nothing(
    parcel: Path, elsewhere: Workspace, tmp_path: Path, change: Change, words: str
) -> None:
    path = repacked(parcel, tmp_path / "hostile.zip", change)
    with pytest.raises(ImportRefused, match=words):
        unpack_run(elsewhere, path)
    assert leftovers(elsewhere) == []


def test_damage_on_the_way_is_noticed(parcel: Path, elsewhere: Workspace, tmp_path: Path) -> None:
    def damage(members: dict[str, bytes]) -> None:
        members["model.keras"] = b"W" + members["model.keras"][1:]

    with pytest.raises(ImportRefused, match="damaged or changed"):
        unpack_run(elsewhere, repacked(parcel, tmp_path / "damaged.zip", damage, told=False))
    cut = tmp_path / "cut.zip"
    cut.write_bytes(parcel.read_bytes()[:1_000])
    with pytest.raises(ImportRefused, match="damaged"):
        unpack_run(elsewhere, cut)
    assert leftovers(elsewhere) == []


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ({"format": 2}, "newer version"),
        ({"kind": "dataset"}, "holds a dataset"),
        ({"id": "../../etc"}, "id that can't be used"),
        ({"files": []}, "not what its list says"),
        ({"surprise": 1}, "can't be read"),
    ],
)
def test_a_manifest_that_is_not_ours(
    parcel: Path, elsewhere: Workspace, tmp_path: Path, manifest: dict[str, Any], words: str
) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(parcel) as source, zipfile.ZipFile(path, "w") as out:
        for name in source.namelist():
            data = source.read(name)
            out.writestr(name, json.dumps(json.loads(data) | manifest) if name == "manifest.json" else data)
    with pytest.raises(ImportRefused, match=words):
        unpack_run(elsewhere, path)
    assert leftovers(elsewhere) == []


def test_a_link_or_a_bomb_in_it_is_refused(parcel: Path, elsewhere: Workspace, tmp_path: Path) -> None:
    link, bomb = tmp_path / "link.zip", tmp_path / "bomb.zip"
    link.write_bytes(parcel.read_bytes())
    with zipfile.ZipFile(link, "a") as out:
        info = zipfile.ZipInfo("bundle/link")
        info.external_attr = 0o120777 << 16
        out.writestr(info, "/etc/passwd")
    with pytest.raises(ImportRefused, match="link"):
        unpack_run(elsewhere, link)
    bomb.write_bytes(parcel.read_bytes())
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as out:
        out.writestr("bundle/zeros", bytes(30_000_000))
    with pytest.raises(ImportRefused, match="unfolds"):
        unpack_run(elsewhere, bomb)
    assert leftovers(elsewhere) == []


def test_a_full_disk_leaves_nothing(parcel: Path, elsewhere: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_parcel, "write_info", no_room)
    with pytest.raises(Exception, match="nothing of it was kept"):
        unpack_run(elsewhere, parcel, trusted=True)
    assert leftovers(elsewhere) == []


def test_a_demo_takes_in_no_models(parcel: Path, elsewhere: Workspace) -> None:
    assert not POLICIES["demo"].models_from_files
    with pytest.raises(ImportRefused, match="not taken in"):
        unpack_run(replace(elsewhere, mode="demo"), parcel)
    assert leftovers(elsewhere) == []


def test_only_what_has_a_result_is_packed(tmp_path: Path, elsewhere: Workspace) -> None:
    add_run(elsewhere, "failed", state=State.FAILED, with_report=False)
    for run_id in ("failed", "never-there"):
        with pytest.raises(RunError):
            pack_run(elsewhere, run_id, tmp_path / "none.zip")
    assert not list(tmp_path.glob("*.zip"))


def leftovers(workspace: Workspace) -> list[Path]:
    return [*workspace.runs.iterdir(), *workspace.incoming.iterdir()]
