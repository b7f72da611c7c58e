"""`system` as scripts call it."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path

from tests.cli.calling import tlcore
from tlcore.logs import start_lines, stop_lines
from tlcore.workspace import Workspace

NAME = "tlcore.test_cli_system"


def test_everything_is_one_document(workspace: Workspace) -> None:
    told = tlcore(workspace.root, "system", "--json").json
    assert set(told) == {
        "versions",
        "workspace",
        "devices",
        "disk",
        "caches",
        "processes",
        "queue",
        "failed",
        "errors",
        "repairs",
    }
    assert told["workspace"]["root"] == str(workspace.root)
    assert (told["queue"], told["errors"]) == ([], [])
    assert "Recent errors:\nNone." in tlcore(workspace.root, "system").out


def test_an_error_is_looked_up_by_its_id(workspace: Workspace) -> None:
    start_lines(workspace.host, "app", loggers=[NAME])
    try:
        logging.getLogger(NAME).error("error %s", "E-aaaaaa", exc_info=ZeroDivisionError("by nothing"))
    finally:
        stop_lines([NAME])
    (error,) = tlcore(workspace.root, "system", "errors", "--json").json["errors"]
    assert (error["id"], error["process"], error["what"]) == ("E-aaaaaa", "app", "ZeroDivisionError: by nothing")
    assert "ZeroDivisionError: by nothing" in tlcore(workspace.root, "system", "errors", "E-aaaaaa").out

    unknown = tlcore(workspace.root, "system", "errors", "E-bbbbbb", "--json")
    assert unknown.status == 2
    assert "E-aaaaaa" in unknown.json["error"]["text"]


def test_diagnostics_are_written_where_they_are_wanted(workspace: Workspace, tmp_path: Path) -> None:
    told = tlcore(workspace.root, "system", "diagnostics", "--out", tmp_path / "help.zip", "--json").json
    assert told == {"file": str(tmp_path / "help.zip"), "bytes": (tmp_path / "help.zip").stat().st_size}
    assert "versions.json" in zipfile.ZipFile(tmp_path / "help.zip").namelist()
    refused = tlcore(workspace.root, "system", "diagnostics", "--out", tmp_path / "no" / "help.zip", "--json")
    assert refused.status == 1
    assert "--out" in refused.json["error"]["text"]
