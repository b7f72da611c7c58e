"""What all tests of pages share: they are opened through the router, as in a running app."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager

import pages.widgets.later
import pages.widgets.watchdog
from pages.widgets.errors import stop_log
from tlcore.data.catalog import find_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.data.importer import import_pictures
from tlcore.jobs import service
from tlcore.workspace import Workspace


@pytest.fixture(scope="session", autouse=True)
def packages_seen_once() -> Iterator[None]:
    """`AppTest` reads what each installed package says of itself for every app that it opens: half of a test's time."""
    with pytest.MonkeyPatch.context() as patch:
        scan = manifest_scanner.scan_component_manifests
        patch.setattr(manifest_scanner, "scan_component_manifests", functools.cache(scan))
        yield


@pytest.fixture(autouse=True)
def through_the_router(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs `streamlit_app.py` for every page.

    A running app does that once it has called `st.navigation`. `AppTest` forgets it before each run, and then, because
    there is a folder `pages/`, runs the page's file alone.
    """
    make = PagesManager.__init__

    def make_routed(self: PagesManager, *arguments: Any, **options: Any) -> None:
        PagesManager.uses_pages_directory = False
        make(self, *arguments, **options)

    monkeypatch.setattr(PagesManager, "__init__", make_routed)


@pytest.fixture(autouse=True)
def all_in_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws also what waits to be scrolled to: there is no browser that could tell."""
    monkeypatch.setattr(pages.widgets.later, "in_view", lambda *_: True)


@pytest.fixture(autouse=True)
def no_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread would outlive the test, and serve the queue of whichever comes next."""
    monkeypatch.setattr(pages.widgets.watchdog, "look_after_queue", lambda: None)


@pytest.fixture(autouse=True)
def nobody_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page starts a supervisor, whoever asks for one: what is queued would be worked on long after the test."""
    monkeypatch.setattr(service, "start_supervisor", lambda *_: None)
    monkeypatch.setattr(service, "leave_alone", lambda _: None)


@pytest.fixture(autouse=True)
def no_log_left() -> Iterator[None]:
    """Closes the log that an app of the test has opened: it would take what tests after this one say."""
    yield
    stop_log()


@pytest.fixture(autouse=True)
def enough_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is free on this machine depends on what other tests take at the moment; pages warn where it is little."""
    for module in ("tlcore.jobs.calibrate", "tlcore.training.forecast"):
        monkeypatch.setattr(f"{module}.available_bytes", lambda: 16 * 1024**3)


@pytest.fixture
def home(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace whose queue nobody serves, as that of the app."""
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    return workspace


@pytest.fixture(scope="session")
def imported_pets(tmp_path_factory: pytest.TempPathFactory, picture_folder: Path) -> Workspace:
    """A workspace with one dataset. Tests copy it: importing takes seconds."""
    workspace = Workspace.open(tmp_path_factory.mktemp("imported") / "home")
    import_pictures(workspace, picture_folder, "pets")
    return workspace


@pytest.fixture
def pets(home: Workspace, imported_pets: Workspace) -> DatasetInfo:
    """12 photos of cats and 12 of coffee, in the test's own workspace."""
    shutil.copytree(imported_pets.datasets, home.datasets, dirs_exist_ok=True)
    return find_dataset(home, "my/pets")
