"""What one has no business seeing can't be reached: not by an address, an id, a path or a download."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.widgets import admission
from tests.pages.app_pages import ROOT, text_of
from tests.pages.made_runs import add_run, add_test_pictures
from tlcore.config import RunConfig
from tlcore.data.catalog import delete_dataset, find_dataset, list_datasets, open_dataset
from tlcore.data.dataset_parcel import pack_dataset
from tlcore.errors import InputError, StudioError
from tlcore.export.keras_zip import write_keras_zip
from tlcore.images.guard import GuardedDecoder
from tlcore.jobs.again import resume
from tlcore.jobs.predictions import predict_pictures
from tlcore.jobs.preflight import preflight
from tlcore.jobs.quickstart import held_out_picture
from tlcore.jobs.service import delete_run, read_error, read_result, request_stop, submit
from tlcore.members import all_workspaces
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.run_parcel import pack_run
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.workspace import Workspace

PAGES = ("home", "data", "model", "train", "results", "compare", "predict", "system")
THEIRS = "20260301-120000-5ec7"
JOB = "20260301-120000-70b5"
LOGIN = {
    "auth": {
        "redirect_uri": "http://localhost:8501/oauth2callback",
        "cookie_secret": "c" * 40,
        "client_id": "studio",
        "client_secret": "none",
        "server_metadata_url": "http://127.0.0.1:1/.well-known/openid-configuration",
    }
}


def person(number: int) -> dict[str, Any]:
    return {"is_logged_in": True, "iss": "https://login.example.org", "sub": str(number), "name": f"Person {number}"}


@dataclass(frozen=True)
class Two:
    """Two who use one app: the first has a dataset and runs; the second knows what they are called."""

    first: Workspace
    second: Workspace
    look: Callable[..., AppTest]
    owner: AppTest


@pytest.fixture(params=["demo", "team"])
def two(
    request: pytest.FixtureRequest, home: Workspace, imported_pets: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Two:
    mode = request.param
    monkeypatch.setenv("TLCORE_MODE", mode)
    monkeypatch.setattr(admission, "find_spec", lambda _: object())

    def opened(number: int) -> AppTest:
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
        if mode == "team":
            app.secrets, app.user = LOGIN, person(number)
        return app.run()

    owner = opened(1)
    (first,) = all_workspaces(Workspace.open())
    shutil.copytree(imported_pets.datasets, first.datasets, dirs_exist_ok=True)
    info = first.datasets / "my" / "pets" / "dataset.json"
    info.write_text(info.read_text().replace('"pets"', '"Classified"').replace('"cat"', '"tabby-of-theirs"'))
    add_run(first, THEIRS, dataset="my/Classified")
    add_test_pictures(first, THEIRS, ["a"], [0])
    add_run(first, JOB, state=State.FAILED, error="their secret reason", with_report=False)
    visitor = opened(2)
    second = next(one for one in all_workspaces(Workspace.open()) if one.root != first.root)

    def look(page: str, **query: str) -> AppTest:
        visitor.query_params.clear()
        for name, value in query.items():
            visitor.query_params[name] = value
        return visitor.switch_page(f"pages/{page}.py").run()

    return Two(first, second, look, owner)


def ids_of(two: Two, run_id: str) -> list[str]:
    """The id, and ways to write where it lies."""
    there = two.first.root
    return [run_id, f"../../{there.name}/runs/{run_id}", str(there / "runs" / run_id), f"..%2f{run_id}", f"{run_id}\0"]


def test_no_address_leads_to_what_is_another_ones(two: Two) -> None:
    assert "Classified" in text_of(two.owner.switch_page("pages/results.py").run())
    for page in PAGES:
        queries = [{}, {"run": THEIRS}, {"run": f"../../{two.first.root.name}/runs/{THEIRS}"}, {"run": JOB}]
        queries += [{"dataset": "my/pets"}, {"dataset": f"my/../../../{two.first.root.name}/datasets/my/pets"}]
        if page == "data":
            queries += [{"job": JOB}, {"dataset": "my/pets", "grow": "files"}]
        if page == "compare":
            queries += [{"runs": f"{THEIRS},{JOB}"}]
        if page == "predict":
            queries += [{"restore": JOB}]
        for query in queries:
            app = two.look(page, **query)
            said = text_of(app) + "".join(str(table.value) for table in (*app.dataframe, *app.table))
            for secret in ("Classified", "tabby-of-theirs", "their secret reason", two.first.root.name):
                # What somebody typed may be told back to them, and no more.
                told_back = any(secret in value for value in query.values())
                assert secret not in said or told_back, (page, query, secret)
            assert not [box for box in app.selectbox if "Classified" in "".join(map(str, box.options))], (page, query)


def test_no_function_finds_what_is_in_another_workspace(two: Two, tmp_path: Path) -> None:
    second = two.second
    assert Registry(two.first).get(THEIRS).id == THEIRS
    with GuardedDecoder(second.limits) as decoder:
        asks: list[Callable[[str], object]] = [
            lambda run: Registry(second).get(run),
            lambda run: RunFolder.find(second, run),
            lambda run: RunView.open(second, run),
            lambda run: read_result(second, run),
            lambda run: read_error(second, run),
            lambda run: request_stop(second, run),
            lambda run: resume(second, run),
            lambda run: delete_run(second, run),
            lambda run: held_out_picture(second, run),
            lambda run: pack_run(second, run, tmp_path / "stolen.zip"),
            lambda run: write_keras_zip(RunFolder.find(second, run).path, tmp_path / "stolen.zip"),
            lambda run: list(predict_pictures(second, run, decoder, [("a.jpg", lambda: b"")])),
            lambda run: preflight(second, RunConfig.build(dataset="sample/digits", mode="finetune", from_run=run)),
        ]
        for ask in asks:
            for run_id in ids_of(two, THEIRS):
                with pytest.raises(InputError):
                    ask(run_id)
    assert Registry(two.first).get(THEIRS).state is State.COMPLETED
    assert (two.first.runs / THEIRS / "report.json").is_file()
    assert not list(tmp_path.glob("stolen*"))


def test_no_function_finds_another_ones_dataset(two: Two, tmp_path: Path) -> None:
    second = two.second
    assert find_dataset(two.first, "my/pets").name == "Classified"
    assert "Classified" not in {info.name for info in list_datasets(second)}
    asks: list[Callable[[str], object]] = [
        lambda name: find_dataset(second, name),
        lambda name: open_dataset(second, name),
        lambda name: delete_dataset(second, name),
        lambda name: pack_dataset(second, name, tmp_path / "stolen.zip"),
        lambda name: (
            submit(second, "train", RunConfig.build(dataset=name).to_json(), "x")
            and preflight(second, RunConfig.build(dataset=name))
        ),
    ]
    there = two.first.datasets / "my" / "pets"
    for ask in asks:
        for name in ("my/pets", f"my/../../../{two.first.root.name}/datasets/my/pets", str(there)):
            with pytest.raises(StudioError):
                ask(name)
    assert (there / "dataset.json").is_file()


def test_paths_of_this_machine_are_closed(two: Two) -> None:
    for place in (two.first.datasets / "my" / "pets" / "pictures", two.first.root, Path.home(), Path("/etc/passwd")):
        for kind in ("import", "add"):
            with pytest.raises(InputError):
                submit(two.second, kind, {"path": str(place), "name": "x"}, "x")
        with pytest.raises(InputError):
            two.second.allowed_path(place)


def test_caches_of_the_app_keep_people_apart(two: Two) -> None:
    """The same names in both workspaces: what was kept in memory for one is not shown to the other."""
    shutil.copytree(two.first.datasets / "my", two.second.datasets / "my")
    info = two.second.datasets / "my" / "pets" / "dataset.json"
    info.write_text(info.read_text().replace("Classified", "Own").replace("tabby-of-theirs", "own-cat"))
    add_run(two.second, THEIRS, dataset="my/Own", test=0.5)
    for page in PAGES:
        app = two.look(page, run=THEIRS, dataset="my/pets")
        assert "Classified" not in text_of(app), page
        assert "tabby-of-theirs" not in text_of(app), page
    assert "Own" in text_of(two.look("data", dataset="my/pets"))
