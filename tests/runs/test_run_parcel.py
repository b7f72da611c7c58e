"""A run as one file: it answers the same on another machine, and nothing else comes in by that way."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.pages.made_runs import add_run
from tests.runs.packed import CAT_AND_COFFEE, leftovers, put, repacked
from tlcore.data.parcel import Parcel
from tlcore.errors import ImportRefused, RunError
from tlcore.evaluation.report import Report, read_test_pictures
from tlcore.modes import POLICIES
from tlcore.runs import run_parcel
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.run_parcel import pack_run, unpack_run
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.serving.bundle import BundleInfo, write_info
from tlcore.workspace import Workspace


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
