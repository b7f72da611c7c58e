"""What is no run's file, and whose parts don't fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs.packed import Change, edited, leftovers, put, repacked, without
from tlcore.errors import ImportRefused
from tlcore.runs.run_parcel import unpack_run
from tlcore.workspace import Workspace


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
