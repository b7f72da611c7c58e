from pathlib import Path

import pytest

from tlcore.errors import InputError, WorkspaceError
from tlcore.workspace import HOME_VARIABLE, Workspace, check_id


def test_the_variable_names_the_place_and_folders_are_made(tmp_path: Path) -> None:
    workspace = Workspace.open(environment={HOME_VARIABLE: str(tmp_path / "a" / "b")})
    assert workspace.root == tmp_path / "a" / "b"
    for folder in (workspace.datasets, workspace.runs, workspace.jobs, workspace.incoming, workspace.engines):
        assert folder.is_dir()
        assert folder.is_relative_to(workspace.root)
    assert Workspace.open(tmp_path / "c", {HOME_VARIABLE: str(tmp_path / "a")}).root == tmp_path / "c"


@pytest.mark.parametrize("environment", [{}, {HOME_VARIABLE: ""}])
def test_without_it_the_home_folder_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Workspace.open(environment=environment).root == tmp_path / ".tlcore"


def test_a_place_that_can_not_be_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WorkspaceError, match=HOME_VARIABLE):
        Workspace.open(tmp_path / "file")


@pytest.mark.parametrize("name", ["20260101-000000-aaaa", "a", "Leaves_2.v1", "0" * 120])
def test_good_names(name: str) -> None:
    assert check_id("run", name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../etc", "a/b", "a\\b", "/etc", ".hidden", "a..b", "a b", "a\n", "ä", "C:", "0" * 121]
)
def test_names_that_could_leave_their_folder_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="name of a run"):
        check_id("run", name)
