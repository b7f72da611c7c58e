"""One visitor of a soak: looks around, brings pictures, trains and predicts, with a browser or without one."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, Protocol

from benchmarks.browser import PAGES
from benchmarks.soak_pictures import make_pictures
from benchmarks.soak_record import Record

NAMES: Final = re.compile(r"visitor-\d\d-[0-9a-f]{6}")
PATIENCE: Final = 60.0  # seconds for one thing on a page
BROKEN: Final = "Something went wrong that should not have"

_JOB_PATIENCE: Final = 240.0  # seconds that one stays and looks at a job that may have to wait its turn
_THINKING: Final = (2.0, 6.0)  # seconds between two clicks: people read
_FAILED: Final = re.compile("Something went wrong|failed|was interrupted")
_ANSWERS: Final = "All as CSV"


class Missed(Exception):
    """What a visitor waited for, or wanted to click, did not come."""


class Refused(Missed):
    """An error box came instead."""


@dataclass(frozen=True)
class Sight:
    """What can be seen.

    Attributes:
        words: All words of the page.
        refusals: What error boxes say.
    """

    words: str
    refusals: list[str]


class Hands(Protocol):
    """How a visitor uses the app; each of these raises `Missed` where it does not come to its end, and whatever waits
    for words or a page raises `Refused` as soon as an error box comes instead.

    Others' names, pages that break, and failed requests are told to the record by themselves.
    """

    kind: str

    async def open(self) -> None:
        """Opens the first page, and waits until it is whole."""

    async def change(self, page: str) -> float:
        """Goes to a page by the sidebar; the seconds until it was whole."""

    async def see(self, where: str) -> Sight:
        """Looks at all that the page shows."""

    async def has(self, button: str) -> bool:
        """Whether there is such a button now."""

    async def click(self, button: str) -> None:
        """Clicks it as soon as it can be clicked."""

    async def upload(self, field: str, path: Path) -> None:
        """Gives a file to an upload field."""

    async def wait_for(self, words: str, seconds: float = PATIENCE) -> None:
        """Waits for words."""

    async def wait_for_page(self, page: str) -> None:
        """Waits until a page's heading is there."""

    async def wait_without(self, button: str) -> None:
        """Waits until a button has gone."""

    async def close(self) -> None:
        """Leaves."""


@dataclass
class Visitor:
    """What one visitor does until the time is over.

    Attributes:
        number: Which visitor; also the seed of what it does.
        name: Of its dataset, like nobody else's.
        hands: How it does it.
        place: A folder for its pictures.
        record: Where everything is noted.
        end: When to stop, on the monotonic clock.
    """

    number: int
    name: str
    hands: Hands
    place: Path
    record: Record
    end: float
    _step: str = "import"
    _asked: int = 0
    _dice: Random = field(default_factory=Random)

    async def visit(self) -> None:
        """Opens a session of its own, and uses it."""
        self._dice.seed(self.number)
        archive, photo = make_pictures(self.place, self.name, self._dice)
        try:
            await self._timed("first page", self.hands.open)
            while time.monotonic() < self.end:
                await self._round(archive, photo)
        except Missed as error:
            self._failed("gave up", error)
        finally:
            await self.hands.close()

    async def _round(self, archive: Path, photo: Path) -> None:
        """Pages in some order, and what there is to do next."""
        for name in self._dice.sample(PAGES, 3):
            await self._change(name)
        if self._step == "import":
            await self._try("import", self._import, archive)
        elif self._step == "importing":
            await self._try("look at import", self._look_at_import)
        elif self._step == "train":
            await self._try("start training", self._start)
        elif self._step == "training":
            await self._try("look at training", self._look_at_training)
        else:
            await self._try("predict", self._predict, photo)

    async def _change(self, name: str) -> None:
        """Goes to a page; notes how long it took, and what there is to be seen."""
        if time.monotonic() >= self.end:
            return
        try:
            took = await self.hands.change(name)
        except Missed as error:
            self._failed(f"page {name}", error)
        else:
            self.record.times[f"{self.hands.kind} page {name}"].append(took)
        await self._see(name)
        await asyncio.sleep(self._dice.uniform(*_THINKING))

    async def _import(self, archive: Path) -> None:
        await self._change("Data")
        await self.hands.click("Bring in pictures")
        await self.hands.upload("Zip of class folders", archive)
        await self.hands.click("Import the zip")
        self._step = "importing"
        self._done("imports queued")
        try:
            await self.hands.wait_for("is imported", min(_JOB_PATIENCE, self._left()))
        except Refused:
            self._step = "import"
            raise
        self._step = "train"
        self._done("imported")
        await self._see("Data")

    async def _look_at_import(self) -> None:
        """It was still waiting when this visitor went on: is it in the list by now?"""
        await self._change("Data")
        sight = await self.hands.see("Data")
        if self.name in sight.words and await self.hands.has("Use this dataset"):
            self._step = "train"
            self._done("imported")

    async def _start(self) -> None:
        await self._change("Data")
        if await self.hands.has("Use this dataset"):
            await self.hands.click("Use this dataset")
        else:
            await self._change("Model")
        await self.hands.wait_for_page("Model")
        await self.hands.click("Start training")
        await self.hands.wait_for_page("Train")
        self._step = "training"
        self._done("trainings queued")
        await self._see("Train")

    async def _look_at_training(self) -> None:
        await self._change("Train")
        words = (await self.hands.see("Train")).words
        if "test pictures right" in words:
            self._step = "predict"
            self._done("trained")
        elif re.search("Interrupted|Failed", words):
            self._step = "train"
            raise Missed(words[words.find("Train") :])

    async def _predict(self, photo: Path) -> None:
        await self._change("Predict")
        if await self.hands.has("Clear"):
            await self.hands.click("Clear")
            await self.hands.wait_without("Clear")
        self._asked += 1
        fresh = photo.with_stem(f"{photo.stem}-{self._asked}")
        shutil.copyfile(photo, fresh)
        await self.hands.upload("Pictures, or a zip of pictures", fresh)
        await self.hands.wait_for(_ANSWERS)
        self._done("predicted")
        await self._see("Predict")

    async def _try(self, name: str, act: Callable[..., Awaitable[None]], *values: Path) -> None:
        if time.monotonic() >= self.end:
            return
        try:
            await self._timed(name, act, *values)
        except Missed as error:
            if isinstance(error, Refused) and not _FAILED.search(str(error)):
                pass  # a plain no: it is counted with what the page shows
            elif name == "import" and self._step == "importing":
                self.record.done["imports left waiting"] += 1  # in the queue: no error; looked after later
            else:
                self._failed(name, error)
            await self._see(name)

    async def _timed(self, name: str, act: Callable[..., Awaitable[None]], *values: Path) -> None:
        started = time.monotonic()
        await act(*values)
        self.record.times[f"{self.hands.kind} {name}"].append(time.monotonic() - started)

    async def _see(self, where: str) -> None:
        """Looks at everything; a plain no counts as refused."""
        for text in (await self.hands.see(where)).refusals:
            if BROKEN not in text:
                self.record.refused[text.replace(self.name, "…")[:120]] += 1

    def _left(self) -> float:
        return max(1.0, self.end - time.monotonic())

    def _done(self, what: str) -> None:
        self.record.done[what] += 1
        self.record.done[f"{what}, {self.hands.kind}"] += 1

    def _failed(self, name: str, error: Missed) -> None:
        if time.monotonic() < self.end:
            self.record.error(self.name, f"{self.hands.kind} {name}", str(error))
