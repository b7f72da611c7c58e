import os
from dataclasses import fields, replace
from pathlib import Path

import pytest

from tlcore.errors import ImportRefused, InputError, WorkspaceError
from tlcore.modes import WORKSPACE_VARIABLE
from tlcore.workspace import (
    CACHE_VARIABLE,
    HOME_VARIABLE,
    LIMITS,
    MODE_VARIABLE,
    ROOTS_VARIABLE,
    Limits,
    Workspace,
    check_id,
)


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


@pytest.mark.parametrize("name", ["20260101-000000-aaaa", "a", "console", "com10", "Leaves_2.v1", "0" * 120])
def test_good_names(name: str) -> None:
    assert check_id("run", name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../etc",
        "a/b",
        "a\\b",
        "/etc",
        ".hidden",
        "a..b",
        "a b",
        "a\n",
        "ä",
        "C:",
        "0" * 121,
        "nul",
        "Con.v1",
        "COM1",
        "a.",
    ],
)
def test_names_that_could_leave_their_folder_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="name of a run"):
        check_id("run", name)


def test_a_demo_is_stricter_in_everything(tmp_path: Path) -> None:
    local = Workspace.open(tmp_path, {})
    assert (local.mode, local.limits, local.roots) == ("local", Limits(), (Path.home().resolve(),))
    demo = Workspace.open(tmp_path, {MODE_VARIABLE: "demo"})
    assert (demo.mode, demo.limits, demo.roots) == ("demo", LIMITS["demo"], ())
    for limit in fields(Limits):
        assert getattr(demo.limits, limit.name) <= getattr(local.limits, limit.name)
    assert demo.limits.archive_bytes < local.limits.archive_bytes


def test_an_unknown_mode_or_half_a_path_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"TLCORE_MODE.*Demo.*demo, local"):
        Workspace.open(tmp_path, {MODE_VARIABLE: "Demo"})
    with pytest.raises(WorkspaceError, match=r"TLCORE_ROOTS.*pictures"):
        Workspace.open(tmp_path, {ROOTS_VARIABLE: "pictures"})


def test_only_what_lies_in_the_roots_may_be_imported(tmp_path: Path) -> None:
    roots = [tmp_path / "one", tmp_path / "two"]
    for folder in (*roots, tmp_path / "one-more"):
        folder.mkdir()
    workspace = Workspace.open(tmp_path / "home", {ROOTS_VARIABLE: os.pathsep.join(map(str, roots))})
    assert workspace.roots == tuple(roots)
    assert workspace.allowed_path(roots[0]) == roots[0]
    assert workspace.allowed_path(f"{roots[1]}/a/../b.zip") == roots[1] / "b.zip"
    (roots[0] / "out").symlink_to(tmp_path / "one-more")
    (roots[0] / "in").symlink_to(roots[1])
    (roots[0] / "circle").symlink_to(roots[0] / "circle")
    assert workspace.allowed_path(roots[0] / "in") == roots[1]
    bad = [tmp_path, tmp_path / "one-more", roots[0] / ".." / "one-more", roots[0] / "out" / "x", "/etc", "", "~", "."]
    for path in (*bad, roots[0] / "a\0b", "~nobody-of-this-name/x"):
        with pytest.raises(ImportRefused, match=r"outside the folders|can't be a path"):
            workspace.allowed_path(path)


@pytest.mark.parametrize("environment", [{MODE_VARIABLE: "demo"}, {ROOTS_VARIABLE: ""}])
def test_without_roots_no_path_may(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(ImportRefused, match="Upload a zip"):
        Workspace.open(tmp_path, environment).allowed_path(tmp_path)


@pytest.mark.parametrize("mode", ["demo", "team"])
def test_a_root_that_holds_the_workspaces_does_not_open_them(tmp_path: Path, mode: str) -> None:
    environment = {"TLCORE_MODE": mode, "TLCORE_ROOTS": str(tmp_path), "TLCORE_HOST": str(tmp_path / "studio")}
    own = Workspace.open(tmp_path / "studio" / "users" / "ann", environment)
    assert own.allowed_path(tmp_path / "photos") == tmp_path / "photos"
    for place in (tmp_path, tmp_path / "studio", tmp_path / "studio" / "users" / "ben" / "datasets"):
        with pytest.raises(ImportRefused, match="people of this app"):
            own.allowed_path(place)


@pytest.mark.parametrize(
    ("variable", "limit"), [(CACHE_VARIABLE, "cache_bytes"), (WORKSPACE_VARIABLE, "workspace_bytes")]
)
def test_caches_and_the_rest_may_be_given_more_or_less_room(tmp_path: Path, variable: str, limit: str) -> None:
    assert getattr(Workspace.open(tmp_path, {variable: "0.5"}).limits, limit) == 500_000_000
    assert getattr(Workspace.open(tmp_path, {variable: "0"}).limits, limit) == 0
    assert Workspace.open(tmp_path, {variable: ""}).limits == Limits()
    demo = Workspace.open(tmp_path, {variable: "7", MODE_VARIABLE: "demo"}).limits
    assert demo == replace(LIMITS["demo"], **{limit: 7_000_000_000})
    for bad in ("much", "-1", "nan", "inf", "1e12", "5 GB"):
        with pytest.raises(WorkspaceError, match=f"{variable}.*{bad}"):
            Workspace.open(tmp_path, {variable: bad})


def test_who_starts_the_app_is_told_how_to_allow_a_folder(tmp_path: Path) -> None:
    for name in ("one", "my pictures"):
        (tmp_path / name).mkdir()
    environment = {ROOTS_VARIABLE: str(tmp_path / "one")}
    local = Workspace.open(tmp_path / "home", environment)
    demo = Workspace.open(tmp_path / "home", environment | {MODE_VARIABLE: "demo"})

    with pytest.raises(ImportRefused) as refused:
        local.allowed_path(tmp_path / "my pictures" / "leaves.zip")
    roots = os.pathsep.join(str(tmp_path / name) for name in ("one", "my pictures"))
    assert f"TLCORE_ROOTS='{roots}' streamlit run" in refused.value.hint
    assert "ask whoever" not in refused.value.hint

    with pytest.raises(ImportRefused, match="ask whoever runs this app"):
        demo.allowed_path(tmp_path / "my pictures")
