"""A run as a file, and files that were changed on the way."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.pages.made_runs import CLASSES, add_run, add_test_pictures, made_report
from tlcore.files import write_json
from tlcore.runs.folder import RunFolder
from tlcore.runs.labels import describe
from tlcore.serving.bundle import BundleInfo, write_info
from tlcore.workspace import Workspace

CAT_AND_COFFEE: Final[dict[str, Any]] = {
    "class_names": CLASSES,
    "engine": "openvino",
    "backbone": "efficientnet-lite0",
    "image_size": 224,
}


def add_finished_run(home: Workspace) -> None:
    """The finished run `r1`, whose figures and weights are invented."""
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


def leftovers(workspace: Workspace) -> list[Path]:
    return [*workspace.runs.iterdir(), *workspace.incoming.iterdir()]


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
