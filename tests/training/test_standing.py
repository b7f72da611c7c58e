"""Where a training stands, in words; and asking it to go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.standings import keep, stood
from tlcore.config import PhaseName
from tlcore.training.arrays import write_arrays
from tlcore.training.standing import STANDING, CheckpointDamaged, ask_for_more, read_standing

STOOD = stood((PhaseName.FROZEN, 2), (PhaseName.FINE_TUNE, 2), wait=1)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    assert read_standing(tmp_path) is None
    keep(tmp_path, STOOD)
    assert read_standing(tmp_path) == STOOD


def test_a_phase_begins_with_nothing_of_itself_and_all_that_was_before() -> None:
    begun = STOOD.at_start_of(PhaseName.FINE_TUNE)
    assert (begun.epoch, begun.wait, begun.best, begun.best_epoch) == (0, 0, None, 0)
    assert [(one.phase, one.epoch) for one in begun.rows] == [(PhaseName.FROZEN, 1), (PhaseName.FROZEN, 2)]
    assert [told["phase"] for told in begun.told] == ["frozen"]
    assert begun.ended_early == (PhaseName.FROZEN,)


def test_early_stopping_waits_anew_from_where_more_was_asked_for_and_only_there(tmp_path: Path) -> None:
    keep(tmp_path, STOOD)
    ask_for_more(tmp_path, STOOD)
    assert read_standing(tmp_path) == replace(STOOD, wait=0)
    later = replace(STOOD, epoch=3, wait=2)
    keep(tmp_path, later)
    assert read_standing(tmp_path) == later


@pytest.mark.parametrize("damage", ["cut", "empty", "other zip", "other words"])
def test_a_damaged_file_is_told(tmp_path: Path, damage: str) -> None:
    keep(tmp_path, STOOD)
    path = tmp_path / STANDING
    if damage == "other words":
        write_arrays(path, {"standing": {"phase": "frozen"}}, [])
    else:
        data = path.read_bytes()
        path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "other zip": b"PK\x05\x06" + bytes(18)}[damage])
    with pytest.raises(CheckpointDamaged):
        read_standing(tmp_path)
