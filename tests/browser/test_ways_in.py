"""Pictures come in as people bring them: a folder, the camera, more files later."""

import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TooLate

from tests.browser.conftest import App, upload

pytestmark = pytest.mark.browser

LONG = 300_000  # milliseconds for what a worker does, on a busy machine


def open_data(page: Page, app: App, query: str) -> None:
    page.goto(f"{app.address}/data?{query}")
    expect(page.locator("h1").first).to_be_visible()


def test_a_folder_is_imported_and_found_again_after_a_refresh(page: Page, app: App, picture_folder: Path) -> None:
    open_data(page, app, "new=folder")
    upload(page, "Folder of class folders", picture_folder)
    expect(page.get_by_text("24 files")).to_be_visible()

    # What was chosen outlives a look at another page.
    page.get_by_role("link", name="Model").first.click()
    expect(page.get_by_role("heading", name="Model", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_text("24 files")).to_be_visible()

    page.get_by_role("button", name="Import the folder").click()
    page.wait_for_url(re.compile("job="))
    page.reload()
    expect(page.get_by_text(re.compile("is imported: 24 pictures in 2 classes"))).to_be_visible(timeout=LONG)
    page.wait_for_url(re.compile("dataset=my"))
    expect(page.get_by_role("button", name="Use this dataset")).to_be_visible()

    page.get_by_role("button", name="Add pictures").click()
    upload(page, "Pictures of cat", picture_folder / "coffee" / "000.jpg", picture_folder / "coffee" / "001.jpg")
    page.get_by_role("button", name="Add 2 to cat").click()
    expect(page.get_by_text(re.compile("2 were there already"))).to_be_visible(timeout=LONG)


# A camera that films and that no photo was taken with: after each photo there is a new one.
FRESH_CAMERA = """() => {
  const video = document.querySelector("video:not([data-used])");
  return video !== null && video.readyState >= 2 && video.videoWidth > 0;
}"""


def take_photos(page: Page, app: App, wanted: int) -> int:
    """Takes photos until there are so many; returns how many.

    Each press is waited for: one more, that is answered late, would be counted by nobody. What the browser's test
    camera films moves so slowly on a busy machine that the same picture may be taken again, which is refused.
    """
    pictures = app.home / "datasets" / "my" / "Shapes" / "pictures"
    deadline = time.monotonic() + LONG / 1000
    page.wait_for_function(FRESH_CAMERA)
    while (count := len(list(pictures.rglob("*.jpg")))) < wanted:
        assert time.monotonic() < deadline, "the presses of five minutes took too few photos"
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        page.evaluate("document.querySelector('video').dataset.used = 'yes'")
        page.get_by_role("button", name="Take photo").click()
        with suppress(TooLate):  # a press that was lost
            page.wait_for_function(FRESH_CAMERA, timeout=60_000)
    return count


def test_a_dataset_is_filled_with_the_camera_on_a_phone(page: Page, app: App) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_data(page, app, "new=empty")
    page.get_by_role("textbox", name="Name", exact=True).fill("Shapes")
    page.get_by_role("textbox", name="Classes, one a line").fill("disc\nsquare")
    page.get_by_role("button", name="Begin the dataset").click()

    photos = take_photos(page, app, 2)
    expect(page.get_by_text(f"{photos} taken")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Undo the last").click()
    expect(page.get_by_text(f"{photos - 1} taken")).to_be_visible(timeout=LONG)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text(re.compile(f"{photos - 1} pictures?, 2 classes")).first).to_be_visible()


def test_the_catalogue_is_one_click_from_home(page: Page, app: App) -> None:
    page.goto(app.address)
    page.get_by_role("link", name="Look around").click()
    page.wait_for_url(re.compile("source=catalogue"))
    expect(page.get_by_role("button", name="Download and prepare")).to_be_visible()

    page.get_by_role("searchbox", name="Search").fill("flowers")
    page.get_by_role("searchbox", name="Search").press("Enter")
    expect(page.get_by_text("Malaria blood cells")).to_have_count(0)
    flowers = page.get_by_text("Oxford flowers, 102 kinds")
    expect(flowers).to_have_count(1)
    flowers.last.click()  # while the list is drawn anew, the old one is there too for a moment
    page.wait_for_url(re.compile("dataset=oxford_flowers102"))
    expect(page.get_by_text("8,189", exact=True)).to_be_visible()
