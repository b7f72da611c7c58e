"""The System page: all of it for whoever looks after the app, one's own part for everybody else."""

from __future__ import annotations

from pathlib import Path

import pytest

import pages.widgets.machine
import pages.widgets.shell
from tests.migrations.test_older_workspaces import unpacked
from tests.pages.app_pages import open_page, text_of
from tests.pages.made_runs import add_run
from tlcore.runs.repairs import note_repair
from tlcore.runs.states import State
from tlcore.workspace import Workspace

OPERATORS = ("Memory in use", "Recent errors", "Put right at start", "Help from afar")


def test_an_operator_sees_processes_repairs_and_the_way_to_help(home: Workspace) -> None:
    note_repair(home, "2 half-written files were removed.")
    app = open_page("system")
    headings = [heading.value for heading in app.subheader]
    assert set(OPERATORS) <= set(headings)
    assert any("files were removed" in table.value.to_string() for table in app.table)
    assert str(home.root) in text_of(app)


def test_others_see_their_own_part_only(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pages.widgets.shell, pages.widgets.machine):
        monkeypatch.setattr(module, "is_operator", lambda: False)
    note_repair(home, "2 half-written files were removed.")
    add_run(home, "20260301-120000-aaaa", state=State.FAILED, error="It ran out of memory.", with_report=False)
    app = open_page("system")
    assert not set(OPERATORS) & {heading.value for heading in app.subheader}
    assert any("It ran out of memory" in table.value.to_string() for table in app.table)
    assert not any("were removed" in table.value.to_string() for table in app.table)
    assert str(home.root) not in text_of(app)


def test_a_workspace_that_was_brought_up_to_date_says_where_its_backup_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLCORE_HOME", str(unpacked(1, tmp_path / "old")))
    assert "backups/before-format-2-" in text_of(open_page("system"))


def test_a_newer_workspace_is_refused_on_every_page_in_plain_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "workspace.json").write_text('{"format": 99, "version": "9.0"}')
    monkeypatch.setenv("TLCORE_HOME", str(tmp_path / "new"))
    for page in ("home", "system"):
        assert "written by Transfer Learning Studio 9.0" in text_of(open_page(page))
