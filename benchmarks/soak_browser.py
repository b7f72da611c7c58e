"""Hands of a visitor with a browser: a context of its own in a headless Chromium.

All contexts live in one Chromium, which works with low priority: browsers are other people's machines, and on a small
one they would take more of the processors than the app. Linux weighs sessions of processes against each other first
(autogroup) and niceness only within one, so the session's own niceness is set, too; Chromium, where it may, changes
that of its own processes, but not the session's.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Error, Page, Request, Response, WebSocket, async_playwright

from benchmarks.browser import CHANGE, DONE, FLAGS
from benchmarks.soak_record import Record
from benchmarks.soak_visitor import BROKEN, NAMES, PATIENCE, Missed, Refused, Sight

_MILLISECONDS: Final = 1000
_BOX: Final = '[data-testid="stAlertContentError"]:not([data-testid="stException"] *)'
_EXCEPTION: Final = 'data-testid="stException"'
# A run may be over before its state is seen to change: another page's heading shows as well that it has begun.
_SEEN_TO_RUN: Final = "let ran = false;"
_CHANGE: Final = CHANGE.replace(
    _SEEN_TO_RUN,
    'let ran = !main.querySelector("h1")?.textContent.includes(title); setTimeout(() => { ran = true; }, 1000);',
)
_NICE: Final = 5
# Playwright makes the process the first of a session of its own, so that the niceness is only its own.
_STARTER: Final = f"""#!/bin/sh
echo {_NICE} 2>/dev/null >/proc/self/autogroup
exec nice -n {_NICE} "{{chromium}}" "$@"
"""


@asynccontextmanager
async def open_browser(place: Path) -> AsyncIterator[Browser]:
    """A headless Chromium that gives way to everything else.

    Args:
        place: A folder for what starts it.

    Raises:
        SystemExit: There is no Chromium.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is not installed")
    starter = place / "chromium-nice"
    starter.write_text(_STARTER.format(chromium=chromium))
    starter.chmod(0o700)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=starter, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


class BrowserHands:
    """What a visitor does with a page."""

    kind = "browser"

    def __init__(self, name: str, address: str, record: Record, browser: Browser) -> None:
        self._name, self._address, self._record, self._browser = name, address, record, browser
        self._page: Page | None = None

    async def open(self) -> None:
        """Opens the address in a context that shares nothing with the others."""
        with _missed():
            context = await self._browser.new_context(viewport={"width": 1280, "height": 900})
            context.set_default_timeout(PATIENCE * _MILLISECONDS)
            self._page = page = await context.new_page()
            self._listen(page)
            await page.goto(self._address, wait_until="commit")
            await page.locator('[data-testid="stMain"] h1').first.wait_for()
            await page.wait_for_selector(DONE)

    async def change(self, page: str) -> float:
        """Clicks on a page in the sidebar; the seconds until the browser has drawn it."""
        with _missed():
            took = await self._there.evaluate(_CHANGE, page)
        if took["heading"] <= 0:
            raise Missed("did not come within half a minute")
        return float(took["whole"])

    async def see(self, where: str) -> Sight:
        """Looks for errors, and for what is another's, in the whole page and its address."""
        with _missed():
            page = self._there
            source = await page.content() + page.url
            words = await page.locator("body").inner_text()
            boxes = await page.locator(_BOX).all_inner_texts()
        self._record.look(self._name, self._name, where, source, NAMES)
        if _EXCEPTION in source or BROKEN in source:
            self._failed(f"on page {where}", words)
        return Sight(words, boxes)

    async def has(self, button: str) -> bool:
        """Whether there is such a button now."""
        with _missed():
            return await self._there.get_by_role("button", name=button).count() > 0

    async def click(self, button: str) -> None:
        """Clicks it as soon as it can be clicked."""
        with _missed():
            await self._there.get_by_role("button", name=button).first.click()

    async def upload(self, field: str, path: Path) -> None:
        """Gives a file to an upload field."""
        with _missed():
            place = self._there.get_by_test_id("stFileUploader").filter(has_text=field)
            await place.locator("input").set_input_files(path)

    async def wait_for(self, words: str, seconds: float = PATIENCE) -> None:
        """Waits for words; an error box ends the wait."""
        with _missed():
            box = self._there.locator(_BOX)
            told = self._there.get_by_text(re.compile(re.escape(words)))
            await told.or_(box).first.wait_for(timeout=seconds * _MILLISECONDS)
            if not await told.count() and await box.count():
                raise Refused(await box.first.inner_text())

    async def wait_for_page(self, page: str) -> None:
        """Waits for its heading."""
        with _missed():
            heading = self._there.get_by_role("heading", name=page, exact=True)
            box = self._there.locator(_BOX)
            await heading.or_(box).first.wait_for()
            if not await heading.count():
                raise Refused(await box.first.inner_text())

    async def wait_without(self, button: str) -> None:
        """Waits until a button has gone."""
        with _missed():
            await self._there.get_by_role("button", name=button).first.wait_for(state="hidden")

    async def close(self) -> None:
        """Closes the context."""
        if self._page is not None:
            await self._page.context.close()

    @property
    def _there(self) -> Page:
        if self._page is None:
            raise Missed("no page is open")
        return self._page

    def _failed(self, kind: str, text: str) -> None:
        self._record.error(self._name, f"browser {kind}", text)

    def _listen(self, page: Page) -> None:
        """Notes what the browser sends, and what comes back badly."""

        def asked(_request: Request) -> None:
            self._record.requests["browser http"] += 1

        def answered(response: Response) -> None:
            if response.status >= 400:
                self._failed(f"HTTP {response.status}", response.url)

        def connected(socket: WebSocket) -> None:
            socket.on("framesent", lambda _data: self._record.requests.update(["browser websocket"]))

        page.on("request", asked)
        page.on("response", answered)
        page.on("websocket", connected)
        page.on("pageerror", lambda error: self._failed("page script", str(error)))
        page.on("crash", lambda _page: self._failed("crash", "the page crashed"))
        page.on("console", lambda said: self._failed("console", said.text) if said.type == "error" else None)


@contextmanager
def _missed() -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise Missed(str(error)) from error
