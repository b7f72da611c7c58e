"""What a workspace takes of the disk, and what it may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tlcore.allowance import bytes_taken, check_allowance
from tlcore.data.importer import import_pictures
from tlcore.data.writer import DatasetWriter
from tlcore.errors import InputError
from tlcore.files import write_bytes
from tlcore.workspace import Workspace


def allowing(workspace: Workspace, size: int) -> Workspace:
    return replace(workspace, limits=replace(workspace.limits, workspace_bytes=size))


def test_everything_counts_but_caches_and_what_lies_elsewhere(workspace: Workspace, tmp_path: Path) -> None:
    before = bytes_taken(workspace)
    deep = workspace.datasets / "my" / "pets" / "pictures" / "batch-1" / "000"
    kept = workspace.runs / "a" / "checkpoints"
    for folder in (deep, kept):
        folder.mkdir(parents=True)
    for folder in (deep, workspace.incoming, workspace.runs, workspace.jobs, workspace.root):
        write_bytes(folder / "file", bytes(100))
    for folder in (workspace.cache, workspace.engines, kept, tmp_path):
        write_bytes(folder / "large", bytes(50_000))
    (workspace.runs / "link").symlink_to(tmp_path)
    taken = bytes_taken(workspace) - before
    assert 500 <= taken < 1000  # the link's own few bytes count
    assert bytes_taken(Workspace(tmp_path / "gone")) == 0


def test_the_last_byte_is_allowed_and_no_more(workspace: Workspace) -> None:
    write_bytes(workspace.incoming / "upload-a.zip", bytes(5000))
    taken = bytes_taken(workspace)
    check_allowance(allowing(workspace, taken + 10), 10)
    check_allowance(allowing(workspace, taken + 1))
    with pytest.raises(InputError, match=r"disk.*up to.*Delete datasets or trainings.*empty the bin"):
        check_allowance(allowing(workspace, taken + 10), 11)
    with pytest.raises(InputError, match="as one person may have"):
        check_allowance(allowing(workspace, taken))


def test_on_one_s_own_computer_nothing_is_counted(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlcore.allowance.bytes_taken", lambda _: pytest.fail("every picture was looked at"))
    check_allowance(workspace, 10**14)
    with pytest.raises(pytest.fail.Exception):
        check_allowance(allowing(workspace, 10**14))


def test_a_job_asks_again_when_its_turn_has_come(
    workspace: Workspace, tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    folder = make_folder(tmp_path / "pets", cat=2, coffee=1)
    size = sum(path.stat().st_size for path in folder.rglob("*.jpg"))
    with pytest.raises(InputError, match="would come in"):
        import_pictures(allowing(workspace, bytes_taken(workspace) + size - 1), folder, "pets")
    full = allowing(workspace, bytes_taken(workspace))
    with pytest.raises(InputError, match="as one person may have"), DatasetWriter(full, "my/pets"):
        pytest.fail("a full workspace must not be written into")
    assert list(workspace.incoming.iterdir()) == []
    assert not (workspace.datasets / "my").exists()
