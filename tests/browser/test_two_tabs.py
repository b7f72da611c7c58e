"""Two tabs that train the same pictures within a minute: each stays with its own run."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import App

pytestmark = pytest.mark.browser

LONG = 300_000  # milliseconds for what trains, on a busy machine


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty: while the backbone is converted there is time to stop a training."""
    return tmp_path_factory.mktemp("app")


def start_training(page: Page) -> str:
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    page.wait_for_url(re.compile(r"/train\?run=\d{8}-\d{6}-"))
    return shown(page)


def stop(page: Page) -> None:
    # Streamlit shows a button of that name itself, above the page, while a script takes long.
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()


def shown(page: Page) -> str:
    found = re.search(r"run=([\w-]+)", page.url)
    assert found is not None
    return found.group(1)


def test_a_second_start_after_a_stop_stays_in_view_while_another_tab_trains(page: Page, app: App) -> None:
    page.goto(f"{app.address}/data?dataset=sample/digits")
    page.get_by_role("button", name="Use this dataset").click()
    expect(page.get_by_role("heading", name="Model", exact=True)).to_be_visible()
    first = start_training(page)
    stop(page)
    expect(page.get_by_text(re.compile("Stopped|Stopping|It was stopped")).first).to_be_visible()
    page.get_by_role("link", name="Model", exact=True).click()
    second = start_training(page)
    assert second != first

    other = page.context.new_page()
    other.goto(f"{app.address}/data?dataset=sample/digits")
    other.get_by_role("button", name="Use this dataset").click()
    third = start_training(other)

    seen = set()
    for _ in range(60):
        seen |= {shown(page), shown(other)}
        page.wait_for_timeout(100)
    assert seen == {second, third}
    expect(page.get_by_text(re.compile("test pictures right")).first).to_be_visible(timeout=LONG)
    expect(page.get_by_text(re.compile("It was stopped before"))).to_have_count(0)
    expect(other.get_by_text(re.compile("test pictures right")).first).to_be_visible(timeout=LONG)

    assert (shown(page), shown(other)) == (second, third)
