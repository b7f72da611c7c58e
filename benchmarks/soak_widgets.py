"""Values of widgets in a session without a browser: which are sent, when, and what components do by themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.proto.Common_pb2 import FileUploaderState
from streamlit.proto.WidgetStates_pb2 import WidgetState

_TOGETHER: Final = 0.01  # seconds in which values that change together are sent together
_SEEN_AGAIN: Final = 2.0  # seconds after which `drawn_later` says once more that it was seen
_TRIGGER: Final = "$$STREAMLIT_INTERNAL_KEY_{}__events"


@dataclass
class Widgets:
    """What the frontend's widget manager holds.

    Attributes:
        run: Asks the app for a run of a fragment, "" for the whole page, with the values that there are.
    """

    run: Callable[[str], Awaitable[None]]
    _states: dict[str, WidgetState] = field(default_factory=dict)
    _triggers: set[str] = field(default_factory=set)
    _due: set[str] = field(default_factory=set)  # fragments whose values have changed; "" is the page
    _sender: asyncio.Task[None] | None = None
    _tellers: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def values(self) -> Collection[WidgetState]:
        """All that is sent with each request."""
        return self._states.values()

    def press(self, id_: str, fragment: str) -> None:
        """Clicks a button."""
        self._states[id_] = WidgetState(id=id_, trigger_value=True)
        self._triggers.add(id_)
        self._send_soon(fragment)

    def give_file(self, id_: str, fragment: str, uploaded: FileUploaderState) -> None:
        """Tells an upload field what was uploaded."""
        self._states[id_] = WidgetState(id=id_, file_uploader_state_value=uploaded)
        self._send_soon(fragment)

    def mount(self, component: BidiComponent, fragment: str) -> None:
        """Does what the app's own components do once they stand in a browser; everything counts as in view."""
        data = json.loads(component.json or component.mixed.json or "{}")
        if component.component_name.endswith("drawn_later"):
            if data.get("seen"):
                self._stop_telling(component.id)
            elif component.id not in self._tellers:
                self._tellers[component.id] = asyncio.create_task(self._tell_seen(component.id, fragment))
        elif component.component_name.endswith("dataset_stamps") and data.get("missing"):
            id_ = _TRIGGER.format(component.id)
            asked: list[dict[str, Any]] = [{"event": "more", "value": f"{data['token']} {data['missing']}"}]
            self._states[id_] = WidgetState(id=id_, json_trigger_value=json.dumps(asked))
            self._triggers.add(id_)
            self._send_soon(fragment)

    def keep(self, there: Collection[str]) -> None:
        """Forgets what has left the page."""
        for id_ in [one for one in self._states if one not in there and one not in self._triggers]:
            del self._states[id_]
        for id_ in [one for one in self._tellers if one not in there]:
            self._stop_telling(id_)

    def leave_page(self) -> None:
        """Another page was asked for: values of the one before do not travel; the router has no widgets."""
        self._states.clear()

    def close(self) -> None:
        """Ends all that goes on by itself."""
        for id_ in list(self._tellers):
            self._stop_telling(id_)
        if self._sender is not None:
            self._sender.cancel()

    async def _tell_seen(self, id_: str, fragment: str) -> None:
        times = 0
        while True:
            times += 1
            self._states[id_] = WidgetState(id=id_, json_value=json.dumps({"seen": times}))
            self._send_soon(fragment)
            await asyncio.sleep(_SEEN_AGAIN)

    def _stop_telling(self, id_: str) -> None:
        if (teller := self._tellers.pop(id_, None)) is not None:
            teller.cancel()

    def _send_soon(self, fragment: str) -> None:
        if not self._due:
            self._sender = asyncio.create_task(self._send())
        self._due.add(fragment)

    async def _send(self) -> None:
        """What changed together travels together; values of different fragments run the whole page."""
        await asyncio.sleep(_TOGETHER)
        fragment = next(iter(self._due)) if len(self._due) == 1 else ""
        self._due.clear()
        sent, self._triggers = self._triggers, set()
        await self.run(fragment)
        for id_ in sent:
            self._states.pop(id_, None)
