from __future__ import annotations

from datetime import UTC, datetime

from tlcore.runs import repairs
from tlcore.runs.repairs import note_repair, read_repairs
from tlcore.workspace import Workspace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_the_newest_comes_first_and_one_repair_is_one_line(workspace: Workspace) -> None:
    assert read_repairs(workspace) == ()
    note_repair(workspace, 'The folder of "a\nname" is gone.', lambda: NOON)
    note_repair(workspace, "Two.", lambda: NOON)
    told = read_repairs(workspace)
    assert [repair.text for repair in told] == ["Two.", 'The folder of "a name" is gone.']
    assert told[0].time == NOON
    assert len(read_repairs(workspace, most=1)) == 1


def test_a_torn_line_is_left_out_and_a_log_that_cannot_be_written_harms_nobody(workspace: Workspace) -> None:
    log = workspace.logs / repairs.LOG_NAME
    log.write_text("2026-11-21T12:00:00+00:00 One.\n2026-11-")
    assert [repair.text for repair in read_repairs(workspace)] == ["One."]
    log.unlink()
    log.mkdir()
    note_repair(workspace, "Two.")
    assert log.is_dir()


def test_a_long_log_makes_room(workspace: Workspace) -> None:
    log = workspace.logs / repairs.LOG_NAME
    log.write_text("2026-11-21T12:00:00+00:00 An old one.\n" * 10_000)
    note_repair(workspace, "A new one.")
    assert log.stat().st_size < 100
    assert [repair.text for repair in read_repairs(workspace, 2)] == ["A new one.", "An old one."]
