"""The file for whoever helps from afar: useful, and silent about whose work it is."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tlcore.diagnostics import diagnostics
from tlcore.errors import ImportRefused
from tlcore.files import write_json
from tlcore.logs import start_lines, stop_lines
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder, RunMeta
from tlcore.runs.registry import Registry
from tlcore.runs.repairs import LOG_NAME, note_repair
from tlcore.workspace import Workspace

TOKEN = "KGAT_77b14e3f5f2c9d0a"  # noqa: S105 - planted
PRIVATE = ("quokka", "Wombat", "numbat_17", "bilby", "pademelon", "kowari", TOKEN)
NAME = "tlcore.test_diagnostics"


@pytest.fixture
def told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace in which a job failed, things were put right, and a log that names everything private."""
    monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    monkeypatch.setenv("TLCORE_ROOTS", "/srv/kowari")
    monkeypatch.setenv("TLCORE_CACHE_GB", "3")
    folder = RunFolder(workspace.runs / "20260301-120000-aaaa")
    folder.path.mkdir()
    created = datetime(2026, 3, 1, 12, tzinfo=UTC)
    write_json(folder.config, {"backbone": "efficientnet-lite0", "epochs": 3, "dataset": "my/quokka", "path": "kowari"})
    error = ImportRefused("numbat_17.jpg of Wombat is too large", value="/home/bilby/quokka")
    with EventWriter(folder.events) as events:
        events.write("ended", state="failed", error=f"{error} (E-0123ab)", details=error.to_json())
    folder.write_meta(
        RunMeta(folder.id, "train", "pademelon", "my/quokka", "bilby", created, tags=("Wombat",), notes=TOKEN)
    )
    Registry(workspace).list()
    (workspace.logs / LOG_NAME).unlink()
    note_repair(workspace, 'The folder of "pademelon" (20260301-120000-aaaa) is gone.')
    note_repair(workspace, "2 half-written files were removed, in: datasets/my/quokka.")

    start_lines(workspace.host, "app", loggers=[NAME, "thirdparty"])
    logger = logging.getLogger(NAME)
    logger.warning("read %s of %s", "numbat_17.jpg", "my/quokka")
    try:
        zipfile.ZipFile(Path("/home/bilby/Wombat.zip"))
    except OSError:
        logger.exception("error %s: %s", "E-0123ab", TOKEN)
    logging.getLogger("thirdparty.pademelon").warning("Wombat")
    yield workspace
    stop_lines([NAME, "thirdparty"])


def opened(workspace: Workspace) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(diagnostics(workspace))) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_it_tells_what_helps(told: Workspace) -> None:
    found = opened(told)
    (job,) = json.loads(found["jobs.json"])
    assert (job["state"], job["error_kind"], job["error_ids"]) == ("failed", "ImportRefused", ["E-0123ab"])
    assert (job["dataset"], job["config"]) == ("dataset 1", {"backbone": "efficientnet-lite0", "epochs": 3})
    assert json.loads(found["settings.json"])["variables"]["TLCORE_CACHE_GB"] == "3"
    assert json.loads(found["settings.json"])["variables"]["TLCORE_ROOTS"] == "(set)"
    lines = [json.loads(line) for line in found["log.jsonl"].splitlines()]
    error = next(line for line in lines if line["error"] == "E-0123ab")
    assert (error["exception"], error["template"]) == ("FileNotFoundError", "error %s: %s")
    assert error["frames"][0].startswith("(python):")
    assert [line["template"] for line in lines if line["level"] == "WARNING"] == ["read %s of %s", ""]
    assert [one["what"] for one in json.loads(found["repairs.json"])] == [
        "2 half-written files were removed, in",
        "The folder of",
    ]
    assert json.loads(found["versions.json"])["keras"]


def test_it_names_nobody_and_nothing(told: Workspace) -> None:
    found = opened(told)
    everything = "\n".join(found.values())
    for word in (*PRIVATE, str(told.root), str(Path.home()) + "/", str(Path(__file__).parent)):
        assert word.lower() not in everything.lower(), word
    # The same words are in what it was made from.
    assert "quokka" in (told.logs / "studio.jsonl").read_text()
    assert TOKEN not in (told.logs / "studio.jsonl").read_text()
