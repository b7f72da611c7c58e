"""What the app is for, by clicking: pictures in, a trained model, a prediction out."""

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import App, upload
from tests.browser.telling_app import TOLD
from tlcore.workspace import Workspace

pytestmark = pytest.mark.browser

LONG = 300_000  # milliseconds for what trains, on a busy machine
PAGES = ("", "data", "model", "train", "results", "compare", "predict", "system")


@pytest.fixture(scope="module")
def photos_zip(tmp_path_factory: pytest.TempPathFactory, crop: Callable[..., bytes]) -> Path:
    """200 photos in two class folders, as somebody would zip them, and a file that is no picture."""
    path = tmp_path_factory.mktemp("upload") / "animals and drinks.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("cat", "coffee"):
            for number in range(100):
                archive.writestr(f"photos/{name}/{number:03d}.jpg", crop(name, number))
        archive.writestr("photos/cat/notes.jpg", "no picture")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, quickstart: Path) -> Path:
    """A workspace without runs in which the sample was looked at: that takes far longer than to train on it."""
    home, earlier = Workspace.open(tmp_path_factory.mktemp("app")), Workspace.open(quickstart / "home")
    shutil.copytree(earlier.datasets, home.datasets, dirs_exist_ok=True)
    shutil.copytree(earlier.cache, home.cache, dirs_exist_ok=True)
    return home.root


def open_page(page: Page, app: App, path: str = "") -> None:
    page.goto(f"{app.address}/{path}")
    expect(page.locator("h1").first).to_be_visible()


def no_errors(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_empty_pages_teach(page: Page, app: App) -> None:
    for path in PAGES:
        open_page(page, app, path)
        no_errors(page)
    open_page(page, app, "results")
    expect(page.get_by_test_id("stMain").get_by_role("link").first).to_be_visible()


def test_upload_train_refresh_results_predict(
    page: Page, app: App, photos_zip: Path, crop: Callable[..., bytes], tmp_path: Path
) -> None:
    open_page(page, app, "data")
    page.get_by_role("button", name="Bring in pictures").click()
    upload(page, "Zip of class folders", photos_zip)
    page.get_by_role("button", name="Import the zip").click()
    expect(page.get_by_text(re.compile("is imported: 200 pictures in 2 classes"))).to_be_visible(timeout=LONG)
    expect(page.get_by_text("notes.jpg").first).to_be_attached()

    page.get_by_role("button", name="Use this dataset").click()
    expect(page.get_by_role("heading", name="Model", exact=True)).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    page.wait_for_url(re.compile(r"run=\d{8}-\d{6}-"))
    run_id = re.search(r"run=([\w-]+)", page.url).group(1)  # type: ignore[union-attr]

    page.reload()
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    app.restart()  # the training is a process of its own: it goes on without the app
    open_page(page, app, f"train?run={run_id}")
    expect(page.get_by_text(re.compile("test pictures right")).first).to_be_visible(timeout=LONG)

    open_page(page, app, f"results?run={run_id}")
    expect(page.get_by_text(re.compile(r"\d+ of 20 test pictures right")).first).to_be_visible()
    charts = page.get_by_test_id("stPlotlyChart")
    # Those of the history lie below, and are drawn when they come into view: here that may be while the page is built.
    expect(charts.nth(1)).to_be_visible()
    page.get_by_role("heading", name="How training went").scroll_into_view_if_needed()
    expect(charts).to_have_count(4)
    stamps = page.locator(".stamp.right, .stamp.wrong")
    expect(stamps).to_have_count(20)
    expect(page.locator(".stamp img")).to_have_count(20)
    expect(stamps.first).to_contain_text(re.compile(r"\d+% sure"))
    assert (
        page.locator(".stamp img").first.evaluate("(picture) => picture.decode().then(() => picture.naturalWidth)") > 0
    )
    no_errors(page)

    pictures = []
    for number, name in enumerate(("cat", "coffee", "cat")):
        pictures.append(tmp_path / f"{name}{number}.jpg")
        pictures[-1].write_bytes(crop(name, 120 + number))
    open_page(page, app, f"predict?run={run_id}")
    upload(page, "Pictures, or a zip of pictures", *pictures)
    for path in pictures:
        expect(page.get_by_text(path.name).first).to_be_visible()
    expect(page.get_by_text(re.compile("^coffee")).first).to_be_visible()
    no_errors(page)

    libraries = app.loaded_files()
    assert "site-packages/openvino" in libraries
    assert "site-packages/tensorflow" not in libraries
    assert app.megabytes() < 350


def test_one_click_on_home_trains_a_sample_and_ends_on_predict(page: Page, app: App) -> None:
    open_page(page, app)
    page.get_by_role("button", name="Try a sample").click()
    page.wait_for_url(re.compile(r"/predict\?.*run="), timeout=LONG)
    expect(page.get_by_role("heading", name="Predict", exact=True)).to_be_visible()
    page.get_by_role("button", name="Ask the model").click()
    expect(page.get_by_text("All as CSV")).to_be_visible()
    no_errors(page)
    # Files are not watched for changes: a worker that reads the environment's would keep the app busy.
    told = app.account()
    assert TOLD in told
    assert "watchdog/observers" not in told


def test_every_page_with_runs_on_a_phone_and_in_the_dark(page: Page, app: App) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    for path in PAGES:
        open_page(page, app, path)
        no_errors(page)
        page.wait_for_timeout(500)
        # Nothing sticks out to the right.
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
