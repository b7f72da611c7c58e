"""Hands of a visitor without a browser: a session that speaks Streamlit's own protocol.

Its times are the server's: from the request until the run of the page has ended. A browser adds its drawing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from streamlit.proto.Alert_pb2 import Alert
from websockets.exceptions import WebSocketException

from benchmarks.soak_http import Http
from benchmarks.soak_record import Record
from benchmarks.soak_tree import Node
from benchmarks.soak_visitor import BROKEN, NAMES, PATIENCE, Missed, Refused, Sight
from benchmarks.soak_wire import Wire

_PAGE_PATIENCE: Final = 30.0  # seconds for a change of pages
_BETWEEN_LOOKS: Final = 0.1  # seconds


class SessionHands:
    """What a visitor does by messages."""

    kind = "session"

    def __init__(self, name: str, address: str, record: Record) -> None:
        self._name, self._record = name, record
        http = Http(address, self._missing, lambda: record.requests.update(["session http"]))
        self._wire = Wire(http, self._heard, self._failed, lambda kind: record.requests.update([f"session {kind}"]))

    async def open(self) -> None:
        """Connects, and waits for the end of the first run."""
        try:
            await self._wire.open()
        except (WebSocketException, OSError) as error:
            raise Missed(repr(error)) from error
        await self._until(lambda: self._wire.runs > 0, PATIENCE, "the end of the first run")

    async def change(self, page: str) -> float:
        """As by a click in the sidebar; the seconds until the run of that page has ended."""
        started, runs, wanted = time.monotonic(), self._wire.runs, self._wire.pages[page]
        await self._wire.turn_to(wanted)
        await self._until(
            lambda: self._wire.runs > runs and self._wire.tree.page == wanted, _PAGE_PATIENCE, f"page {page}"
        )
        return self._wire.ended - started

    async def see(self, where: str) -> Sight:
        """What the tree holds; what is others', and errors, were told when they came."""
        del where
        return Sight(self._wire.tree.words(), self._boxes())

    async def has(self, button: str) -> bool:
        """Whether there is such a button now."""
        return self._button(button) is not None

    async def click(self, button: str) -> None:
        """Clicks it as soon as it is there and not disabled."""
        found: list[Node] = []

        def ready() -> bool:
            node = self._button(button)
            if node is None or node.element is None or node.element.button.disabled:
                return False
            found.append(node)
            return True

        await self._until(ready, PATIENCE, f"button {button}")
        self._wire.widgets.press(found[0].element.button.id if found[0].element else "", found[0].fragment)

    async def upload(self, field: str, path: Path) -> None:
        """Asks for a place, sends the file there, and tells the field."""
        await self._until(lambda: self._wire.tree.find("file_uploader", field) is not None, PATIENCE, f"field {field}")
        node = self._wire.tree.find("file_uploader", field)
        try:
            if node is not None:
                await self._wire.upload(node, path)
        except TimeoutError as error:
            raise Missed("no place for an upload") from error

    async def wait_for(self, words: str, seconds: float = PATIENCE) -> None:
        """Waits for words; an error box ends the wait."""
        await self._until_or_refused(lambda: words in self._wire.tree.words(), seconds, words)

    async def wait_for_page(self, page: str) -> None:
        """Waits for its heading."""
        await self._until_or_refused(lambda: self._heading() == page, PATIENCE, f"page {page}")

    async def wait_without(self, button: str) -> None:
        """Waits until a button has gone."""
        await self._until(lambda: self._button(button) is None, PATIENCE, f"{button} to go")

    async def close(self) -> None:
        """Leaves, as by closing the tab."""
        await self._wire.close()

    async def _until_or_refused(self, there: Callable[[], bool], seconds: float, what: str) -> None:
        await self._until(lambda: there() or bool(self._boxes()), seconds, what)
        if not there():
            raise Refused("; ".join(self._boxes()))

    async def _until(self, there: Callable[[], bool], seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not there():
            if not self._wire.is_open:
                raise Missed("the connection is lost")
            if time.monotonic() >= end:
                raise Missed(f"did not come within {seconds:.0f} s: {what}")
            await asyncio.sleep(_BETWEEN_LOOKS)

    def _button(self, label: str) -> Node | None:
        for kind in ("button", "download_button"):
            if (node := self._wire.tree.find(kind, label)) is not None:
                return node
        return None

    def _heading(self) -> str:
        headings = (node.element.heading for node in self._wire.tree.elements() if node.element is not None)
        return next((one.body for one in headings if one.tag == "h1"), "")

    def _boxes(self) -> list[str]:
        alerts = (node.element.alert for node in self._wire.tree.elements() if node.element is not None)
        return [one.body for one in alerts if one.format == Alert.ERROR]

    def _heard(self, raw: bytes) -> None:
        """Looks through every message as it comes, whether or not it is ever seen."""
        said = raw.decode("utf-8", "replace")
        self._record.look(self._name, self._name, "a message", said, NAMES)
        if BROKEN in said:
            self._failed("broken page", self._wire.tree.words())

    def _missing(self, address: str, reason: str) -> None:
        """A picture may have left the page before it was fetched; anything else should be there."""
        link = address.partition("/media/")[2]
        if not link or any(link in str(node.element) for node in self._wire.tree.elements()):
            self._failed(reason, address)

    def _failed(self, kind: str, text: str) -> None:
        self._record.error(self._name, f"session {kind}", text)
