"""A dataset is understood, mended and used: what is found in it is left out, and a model learns from the rest."""

import io
import re
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import App, upload

pytestmark = pytest.mark.browser

LONG = 300_000  # milliseconds for what trains, on a busy machine
COPIES = 5


@pytest.fixture(scope="module")
def zip_with_copies(tmp_path_factory: pytest.TempPathFactory, crop: Callable[..., bytes]) -> Path:
    """80 photos in two class folders, five of them twice."""
    path = tmp_path_factory.mktemp("upload") / "animals.zip"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("cat", "coffee"):
            for number in range(40):
                archive.writestr(f"{name}/{number:03d}.jpg", crop(name, number))
        for number in range(COPIES):
            archive.writestr(f"cat/copy-{number}.jpg", crop("cat", number))
    path.write_bytes(file.getvalue())
    return path


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    page.wait_for_url(re.compile(f"tab={name.lower()}"))


def no_errors(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("Something went wrong")).to_have_count(0)


def test_import_rename_leave_copies_out_and_train_on_the_rest(page: Page, app: App, zip_with_copies: Path) -> None:
    page.goto(f"{app.address}/data?new=zip")
    expect(page.get_by_role("button", name="Import the zip")).to_be_disabled()
    upload(page, "Zip of class folders", zip_with_copies)
    expect(page.get_by_role("button", name="Import the zip")).to_be_enabled()
    page.get_by_role("button", name="Import the zip").click()
    expect(page.get_by_text(re.compile("is imported: 85 pictures in 2 classes"))).to_be_visible(timeout=LONG)

    open_tab(page, "Edit")
    page.get_by_role("textbox", name="To").fill("kitten")
    page.get_by_role("textbox", name="To").press("Tab")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_text("cat is called kitten now")).to_be_visible()

    open_tab(page, "Check")
    # The check began by itself when the pictures had come in.
    mend = page.get_by_role("button", name=f"Keep one of each ({COPIES})")
    expect(mend).to_be_visible(timeout=LONG)
    mend.click()
    expect(page.get_by_text(f"{COPIES} pictures left out.")).to_be_visible()
    expect(page.get_by_text("80 pictures in use, 5 left out")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone")).to_be_visible()
    page.get_by_role("button", name=f"Keep one of each ({COPIES})").click()
    expect(page.get_by_text("80 pictures in use, 5 left out")).to_be_visible()
    no_errors(page)

    open_tab(page, "Map")
    point_at_something(page)
    expect(page.locator(".pointed figcaption")).to_contain_text(re.compile("kitten|coffee"))
    no_errors(page)

    page.get_by_role("button", name="Use this dataset").click()
    shares = page.get_by_text(re.compile("pictures to learn from"))
    expect(shares).to_be_visible()
    assert sum(map(int, re.findall(r"\d+", shares.inner_text()))) == 80
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text(re.compile("test pictures right")).first).to_be_visible(timeout=LONG)
    no_errors(page)


def point_at_something(page: Page) -> None:
    """Moves the mouse onto a point of the map, until the picture is shown: the page may still move below it."""
    page.wait_for_selector(".js-plotly-plot .points path")
    pointed = page.locator(".pointed img")
    deadline = time.monotonic() + 120
    while not pointed.count() and time.monotonic() < deadline:
        page.locator(".js-plotly-plot").first.scroll_into_view_if_needed()
        place = page.locator(".js-plotly-plot .points path").nth(10).bounding_box()
        assert place is not None
        x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
        page.mouse.move(x - 4, y - 4)
        page.mouse.move(x, y)
        with suppress(AssertionError):
            expect(pointed).to_be_visible(timeout=5000)
    expect(pointed).to_be_visible()


def test_pictures_are_selected_left_out_and_put_back_in_the_gallery(page: Page, app: App) -> None:
    page.goto(f"{app.address}/data?dataset=my/animals&tab=gallery")
    stamps = page.locator("button.stamp")
    expect(stamps).to_have_count(60)
    expect(page.locator(".stamp img")).to_have_count(60)

    stamps.nth(2).click()
    stamps.nth(5).click(modifiers=["Shift"])
    expect(page.get_by_text("4 selected")).to_be_visible()
    page.get_by_role("button", name="next", exact=False).last.click()
    expect(stamps).to_have_count(20)
    expect(page.get_by_text("4 selected")).to_be_visible()
    stamps.nth(0).press("Space")  # the keyboard selects too
    expect(page.get_by_text("5 selected")).to_be_visible()

    page.get_by_role("button", name="Leave out").click()
    expect(page.get_by_text("75 pictures in use, 10 left out")).to_be_visible()

    page.get_by_role("combobox", name="Show").click()
    page.get_by_role("option", name="Left out (10)").click()
    expect(page.locator(".stamp.out")).to_have_count(10)
    expect(page.locator(".stamp .note").filter(has_text="chosen by hand")).to_have_count(5)
    page.get_by_role("button", name="Select all 10").click()
    page.get_by_role("button", name="Put back").click()
    expect(page.get_by_text("Your pictures, 85 pictures, 2 classes")).to_be_visible()
    no_errors(page)


def test_every_tab_on_a_phone_and_in_the_dark(page: Page, app: App) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    for tab in ("gallery", "balance", "shape", "map", "check", "edit", "about"):
        page.goto(f"{app.address}/data?dataset=my/animals&tab={tab}")
        expect(page.get_by_role("button", name="Use this dataset")).to_be_visible()
        page.wait_for_timeout(700)
        no_errors(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab
