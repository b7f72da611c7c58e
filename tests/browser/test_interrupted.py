"""A training whose process is killed: told on the page, and one click lets it go on to its end."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, App
from tlcore.runs.events import read_events
from tlcore.runs.folder import RunFolder
from tlcore.workspace import HOME_VARIABLE, Workspace

pytestmark = pytest.mark.browser

LONG = 300_000  # milliseconds for what trains, on a busy machine
EPOCHS = 40


@pytest.fixture(scope="module", autouse=True)
def ask() -> Iterator[None]:
    """Interrupted trainings wait for a person in this app; by themselves they would go on after ten seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLCORE_RESUME", "ask")
        yield


def rounds(folder: RunFolder) -> list[int]:
    return [event["epoch"] for event in read_events(folder.events).events if event["kind"] == "epoch"]


def start(home: os.PathLike[str]) -> str:
    options = ["--dataset", "sample/digits", "--image-size", "64", "--epochs", str(EPOCHS)]
    done = subprocess.run(
        [sys.executable, "-m", "tlcore", "train", *options, "--detach"],
        cwd=ROOT,
        env=os.environ | {HOME_VARIABLE: str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"\d{8}-\d{6}-\w+", done.stdout + done.stderr)
    assert found is not None
    return found.group()


def kill_worker(run_id: str) -> None:
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [])[-2:] == ["tlcore.jobs.worker", run_id]:
            process.send_signal(signal.SIGKILL)
            return
    raise AssertionError("no worker")


def test_a_killed_training_is_told_and_goes_on_with_a_click(page: Page, app: App) -> None:
    run_id = start(app.home)
    folder = RunFolder.find(Workspace.open(app.home), run_id)
    page.goto(f"{app.address}/train?run={run_id}")
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    while len(rounds(folder)) < 3:
        time.sleep(0.02)
    kill_worker(run_id)
    main = page.get_by_test_id("stMain")
    expect(main.get_by_text(re.compile("Interrupted$"))).to_be_visible()
    main.get_by_role("button", name="Go on", exact=True).click()
    expect(main.get_by_text(re.compile("test pictures right")).first).to_be_visible(timeout=LONG)
    assert rounds(folder) == list(range(1, EPOCHS + 1))  # neither a gap nor a round told twice
    expect(page.get_by_test_id("stException")).to_have_count(0)
