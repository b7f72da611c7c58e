"""One visitor of a soak: a browser session of its own that looks around, brings pictures, trains and predicts."""

from __future__ import annotations

import asyncio
import re
import time
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Final

from PIL import Image
from playwright.async_api import Browser, Error, Page, Request, Response, WebSocket

from benchmarks.browser import CHANGE, DONE, PAGES
from benchmarks.soak_record import Record

NAMES: Final = re.compile(r"visitor-\d\d-[0-9a-f]{6}")

_PICTURES: Final = 12  # of each of two classes
_SIDE: Final = 96
_PATIENCE: Final = 60_000  # milliseconds for one thing on a page
_JOB_PATIENCE: Final = 240_000  # milliseconds for a job that may have to wait its turn
_THINKING: Final = (2.0, 6.0)  # seconds between two clicks: people read
_TRAINED: Final = re.compile("test pictures right")
_BROKEN: Final = "Something went wrong that should not have"
_FAILED: Final = "Something went wrong|The import (failed|was interrupted)"
_FOUND: Final = "stException"


@dataclass
class Visitor:
    """What one visitor does until the time is over.

    Attributes:
        number: Which visitor; also the seed of what it does.
        name: Of its dataset, like nobody else's.
        address: The app's.
        place: A folder for its pictures.
        record: Where everything is noted.
        end: When to stop, on the monotonic clock.
    """

    number: int
    name: str
    address: str
    place: Path
    record: Record
    end: float
    trained: bool = False
    waiting: bool = False
    _dice: Random = field(default_factory=Random)

    async def visit(self, browser: Browser) -> None:
        """Opens a session of its own, and uses it."""
        self._dice.seed(self.number)
        archive, photo = self._make_pictures()
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(_PATIENCE)
        page = await context.new_page()
        self._listen(page)
        try:
            await self._timed("first page", self._open, page)
            while time.monotonic() < self.end:
                await self._round(page, archive, photo)
        except Error as error:
            self._failed("gave up", error)
        finally:
            await context.close()

    async def _round(self, page: Page, archive: Path, photo: Path) -> None:
        """Pages in some order, and what there is to do next."""
        for name in self._dice.sample(PAGES, 3):
            await self._change(page, name)
        if not self.record_has("imported"):
            await self._try("import", self._import, page, archive)
        elif not self.waiting and not self.trained:
            await self._try("start training", self._start, page)
        elif not self.trained:
            await self._try("look at training", self._look_at_training, page)
        else:
            await self._try("predict", self._predict, page, photo)

    def record_has(self, what: str) -> bool:
        """Whether this visitor has done something already."""
        return self.record.done[f"{what} {self.name}"] > 0

    async def _open(self, page: Page) -> None:
        await page.goto(self.address, wait_until="commit")
        await page.locator('[data-testid="stMain"] h1').first.wait_for()
        await page.wait_for_selector(DONE)

    async def _change(self, page: Page, name: str) -> None:
        """Clicks on a page in the sidebar; notes how long it took, and what there is to be seen."""
        if time.monotonic() >= self.end:
            return
        try:
            took = await page.evaluate(CHANGE, name)
        except Error as error:
            self._failed(f"page {name}", error)
            return
        if took["heading"] <= 0:
            self.record.error(self.name, f"page {name}", "did not come within half a minute")
        else:
            self.record.times[f"page {name}"].append(took["whole"])
        await self._see(page, name)
        await asyncio.sleep(self._dice.uniform(*_THINKING))

    async def _import(self, page: Page, archive: Path) -> None:
        await self._change(page, "Data")
        await page.get_by_role("button", name="Bring in pictures").first.click()
        upload = page.get_by_test_id("stFileUploader").filter(has_text="Zip of class folders")
        await upload.locator("input").set_input_files(archive)
        await page.get_by_role("button", name="Import the zip").click()
        told = page.get_by_text(re.compile(f"is imported|{_FAILED}")).first
        await told.wait_for(timeout=_JOB_PATIENCE)
        if re.search(_FAILED, said := await told.inner_text()):
            self.record.error(self.name, "import", said)
            return
        self.record.done["imported"] += 1
        self.record.done[f"imported {self.name}"] += 1
        await self._see(page, "Data")

    async def _start(self, page: Page) -> None:
        await self._change(page, "Data")
        use = page.get_by_role("button", name="Use this dataset")
        if await use.count():
            await use.first.click()
        else:
            await self._change(page, "Model")
        await page.get_by_role("heading", name="Model", exact=True).wait_for()
        await page.get_by_role("button", name="Start training").click()
        await page.wait_for_url(re.compile(r"run="))
        await page.get_by_role("heading", name="Train", exact=True).wait_for()
        self.waiting = True
        self.record.done["queued"] += 1
        await self._see(page, "Train")

    async def _look_at_training(self, page: Page) -> None:
        await self._change(page, "Train")
        said = await page.locator("body").inner_text()
        if _TRAINED.search(said):
            self.trained = True
            self.record.done["trained"] += 1
        elif re.search("Interrupted|Failed", said):
            self.waiting = False
            self.record.error(self.name, "training", said[said.find("Train") :])

    async def _predict(self, page: Page, photo: Path) -> None:
        await self._change(page, "Predict")
        upload = page.get_by_test_id("stFileUploader").filter(has_text="Pictures, or a zip of pictures")
        await upload.locator("input").set_input_files(photo)
        await page.get_by_text("All as CSV").first.wait_for()
        self.record.done["predicted"] += 1
        await self._see(page, "Predict")

    async def _try(self, name: str, act: Callable[..., Awaitable[None]], page: Page, *values: Path) -> None:
        if time.monotonic() >= self.end:
            return
        try:
            await self._timed(name, act, page, *values)
        except Error as error:
            if time.monotonic() < self.end:
                self._failed(name, error)
                await self._see(page, name)

    async def _timed(self, name: str, act: Callable[..., Awaitable[None]], *values: object) -> None:
        started = time.monotonic()
        await act(*values)
        self.record.times[name].append(time.monotonic() - started)

    async def _see(self, page: Page, where: str) -> None:
        """Looks for errors, and for what is another's, in the whole page and its address."""
        said = await page.content() + page.url
        self.record.look(self.name, self.name, where, said, NAMES)
        if f'data-testid="{_FOUND}"' in said or _BROKEN in said:
            self.record.error(self.name, f"on page {where}", await page.locator("body").inner_text())
        for text in await page.locator('[data-testid="stAlertContentError"]').all_inner_texts():
            if _BROKEN not in text:
                self.record.refused[text.replace(self.name, "…")[:120]] += 1

    def _failed(self, name: str, error: Error) -> None:
        self.record.error(self.name, name, str(error))

    def _listen(self, page: Page) -> None:
        """Notes what the browser sends, and what comes back badly."""

        def asked(_request: Request) -> None:
            self.record.requests["http"] += 1

        def answered(response: Response) -> None:
            if response.status >= 400:
                self.record.error(self.name, f"HTTP {response.status}", response.url)

        def connected(socket: WebSocket) -> None:
            socket.on("framesent", lambda _data: self.record.requests.update(["websocket"]))

        page.on("request", asked)
        page.on("response", answered)
        page.on("websocket", connected)
        page.on("pageerror", lambda error: self.record.error(self.name, "page script", str(error)))
        page.on("crash", lambda _page: self.record.error(self.name, "browser", "the page crashed"))
        page.on(
            "console",
            lambda said: self.record.error(self.name, "console", said.text) if said.type == "error" else None,
        )

    def _make_pictures(self) -> tuple[Path, Path]:
        """A zip that gives the dataset its name, and one picture more."""
        archive = self.place / f"{self.name}.zip"
        with zipfile.ZipFile(archive, "w") as packed:
            for kind in ("rough", "smooth"):
                for number in range(_PICTURES):
                    packed.writestr(f"{kind}/{number:02}.jpg", self._picture(kind))
        photo = self.place / f"{self.name}.jpg"
        photo.write_bytes(self._picture("rough"))
        return archive, photo

    def _picture(self, kind: str) -> bytes:
        side = _SIDE if kind == "rough" else 4
        picture = Image.frombytes("RGB", (side, side), self._dice.randbytes(side * side * 3))
        file = BytesIO()
        picture.resize((_SIDE, _SIDE)).save(file, "JPEG")
        return file.getvalue()
