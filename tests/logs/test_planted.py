"""A secret that is planted wherever it could get out, and looked for in everything that is written."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.widgets.errors import stop_log
from tests.jobs.conftest import instead_of_training as instead_of_training
from tests.pages.app_pages import work_off
from tlcore.config import RunConfig
from tlcore.diagnostics import diagnostics
from tlcore.jobs import service
from tlcore.logs.reading import read_lines
from tlcore.logs.redaction import HIDDEN
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

TOKEN = "KGAT_e3f77b145f2c9d0a"  # noqa: S105 - planted


@pytest.fixture
def planted(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    monkeypatch.setattr(service, "ensure_supervisor", lambda _: None)
    return workspace


def written_in(workspace: Workspace) -> Iterator[tuple[Path, bytes]]:
    for path in workspace.root.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def submitted(workspace: Workspace) -> str:
    config = RunConfig.build(dataset="sample/textures", image_size=64, epochs=1)
    return service.submit(workspace, "train", config.to_json(), "Textures", config.dataset)


def test_a_worker_tells_it_nowhere(
    planted: Workspace, instead_of_training: Callable[[str], None], tmp_path: Path
) -> None:
    instead_of_training(
        "import logging, sys\n"
        "from tlcore.errors import DownloadFailed\n"
        "token = os.environ['KAGGLE_KEY']\n"
        "print('printed', token)\n"
        "print('to stderr', token, file=sys.stderr)\n"
        "logging.getLogger('tlcore.x').warning('sent %s', {'Authorization': f'Bearer {token}'})\n"
        "try:\n"
        "    raise KeyError(token)\n"
        "except KeyError:\n"
        "    logging.getLogger('tlcore.x').exception('lost')\n"
        "raise DownloadFailed('It said ' + token, value=token, hint='Not ' + token)"
    )
    job = submitted(planted)
    record = work_off(planted, job)
    assert record.state is State.FAILED
    assert HIDDEN in str(record.error)
    log = RunFolder.find(planted, job).log.read_text()
    for words in ("printed", "to stderr", "sent", "It said"):
        assert words in log
    told = [line for line in read_lines(planted.host) if line.run == job]
    assert {"worker"} == {line.process for line in told}
    assert any("sent" in line.message for line in told)
    assert [path for path, data in written_in(planted) if TOKEN.encode() in data] == []
    with zipfile.ZipFile(io.BytesIO(diagnostics(planted))) as archive:
        assert not any(TOKEN.encode() in archive.read(name) for name in archive.namelist())


def test_an_error_that_nobody_caught_in_a_worker_tells_it_nowhere_either(
    planted: Workspace, instead_of_training: Callable[[str], None]
) -> None:
    instead_of_training("raise ZeroDivisionError('by ' + os.environ['KAGGLE_KEY'])")
    job = submitted(planted)
    work_off(planted, job)
    assert Registry(planted).get(job).state is State.FAILED
    assert f"by {HIDDEN}" in RunFolder.find(planted, job).log.read_text()
    assert [path for path, data in written_in(planted) if TOKEN.encode() in data] == []


def failing_page() -> None:
    import os

    from pages.widgets.shell import guarded, workspace

    workspace()
    with guarded():
        raise ConnectionError(f"https://kaggle.com/?token={os.environ['KAGGLE_KEY']} and a-word-of-the-secrets")


def test_a_page_tells_it_nowhere(planted: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.widgets.errors.app_secrets", lambda: ("a-word-of-the-secrets",))
    stop_log()
    try:
        AppTest.from_function(failing_page).run(timeout=60)
    finally:
        stop_log()
    (error,) = [line for line in read_lines(planted.host) if line.error]
    assert error.what == f"ConnectionError: https://kaggle.com/?token={HIDDEN} and {HIDDEN}"
    assert [path for path, data in written_in(planted) if TOKEN.encode() in data or b"a-word-of" in data] == []
