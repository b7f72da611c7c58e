"""One session that speaks Streamlit's own protocol (1.67): what the frontend does, without a browser to draw it.

Messages over the websocket, timers of fragments that run by themselves, uploads, and pictures that are fetched.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileUploaderState, FileURLsResponse
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from benchmarks.soak_http import Http
from benchmarks.soak_known import Known
from benchmarks.soak_tree import BadPath, Node, Tree
from benchmarks.soak_widgets import Widgets

_PATIENCE: Final = 60.0  # seconds for an answer
_MEDIA: Final = re.compile(rb"/media/[0-9a-zA-Z]+\.\w+")
_WELL: Final = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


@dataclass
class Wire:
    """A session's connection and all that it knows.

    Attributes:
        http: Its other requests.
        heard: Called with every message as it came.
        failed: Called with the kind and the text of what should not happen.
        count: Called with the kind of each message that is sent.
        tree: What the page shows.
        pages: Hash of each page by its name.
        query: What stands behind the question mark of the address.
        runs: How many runs of the whole page have ended well.
        ended: When the last of them did, on the monotonic clock.
    """

    http: Http
    heard: Callable[[bytes], None]
    failed: Callable[[str, str], None]
    count: Callable[[str], None]
    tree: Tree = field(default_factory=Tree)
    pages: dict[str, str] = field(default_factory=dict)
    query: str = ""
    runs: int = 0
    ended: float = 0.0
    _full: str = ""  # the run of the whole page that was told last
    _session: str = ""
    _most_runs: int = 2  # that a message is kept without being needed
    _known: Known = field(default_factory=Known)
    _socket: ClientConnection | None = None
    _timers: dict[str, tuple[float, asyncio.Task[None]]] = field(default_factory=dict)
    _asked: dict[str, asyncio.Future[FileURLsResponse]] = field(default_factory=dict)
    _fetched: set[bytes] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.widgets = Widgets(self._run)

    async def open(self) -> None:
        """Connects, and asks for the first page."""
        await self.http.open()
        address = self.http.address
        self._socket = await connect(
            f"{address.replace('http', 'ws', 1)}/_stcore/stream",
            origin=Origin(address),
            subprotocols=[Subprotocol(one) for one in ("streamlit", self.http.token or "PLACEHOLDER_AUTH_TOKEN")],
            additional_headers={"Cookie": self.http.cookie},
            max_size=None,
        )
        self._do(self._listen(self._socket))
        await self._run("")

    async def close(self) -> None:
        """Leaves, as by closing the tab."""
        socket, self._socket = self._socket, None
        self._stop_timers()
        self.widgets.close()
        for task in self._tasks:
            task.cancel()
        if socket is not None:
            await socket.close()

    @property
    def is_open(self) -> bool:
        """Whether the app is still there."""
        return self._socket is not None

    async def turn_to(self, page: str) -> None:
        """Asks for another page, whose hash this is, as by a click on its link."""
        self._stop_timers()
        self.widgets.leave_page()
        self.query, self._full = "", ""
        await self._run("", page=page)

    async def upload(self, place: Node, path: Path) -> None:
        """Sends a file, and tells the field of it."""
        request, data = uuid.uuid4().hex, path.read_bytes()
        answer = self._asked[request] = asyncio.get_running_loop().create_future()
        message = BackMsg()
        message.file_urls_request.request_id = request
        message.file_urls_request.file_names.append(path.name)
        message.file_urls_request.session_id = self._session
        await self._send(message, "upload")
        urls = (await asyncio.wait_for(answer, _PATIENCE)).file_urls[0]
        if place.element is None or not await self.http.put_file(urls.upload_url, path.name, data):
            return
        uploaded = FileUploaderState()
        uploaded.uploaded_file_info.add(name=path.name, size=len(data), file_id=urls.file_id, file_urls=urls)
        self.widgets.give_file(place.element.file_uploader.id, place.fragment, uploaded)

    async def _run(self, fragment: str, *, page: str | None = None, by_timer: bool = False) -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.fragment_id, asked.is_auto_rerun = self.query, fragment, by_timer
        asked.page_script_hash = self.tree.page if page is None else page
        asked.widget_states.widgets.extend(self.widgets.values())
        asked.cached_message_hashes.extend(self._known.hashes())
        context = asked.context_info
        context.timezone, context.timezone_offset, context.locale = "UTC", 0, "en-US"
        context.url, context.is_embedded, context.color_scheme = self.http.address, False, "light"
        await self._send(message, "timer" if by_timer else "fragment" if fragment else "page")

    async def _send(self, message: BackMsg, kind: str) -> None:
        if self._socket is None:
            return
        self.count(kind)
        with suppress(ConnectionClosed):  # whoever listens tells of it
            await self._socket.send(message.SerializeToString())

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for said in socket:
                raw = said if isinstance(said, bytes) else said.encode()
                self.heard(raw)
                self._fetch_media(raw)
                self._take(ForwardMsg.FromString(raw), raw)
        except (ConnectionClosed, DecodeError) as error:
            self.failed("websocket", repr(error))
        if self._socket is not None:
            self._socket = None
            self._stop_timers()
            self.failed("websocket", "the app has closed it")

    def _take(self, message: ForwardMsg, raw: bytes) -> None:
        kind = message.WhichOneof("type")
        run, fragments = message.metadata.run.script_run_id, list(message.metadata.run.fragment_ids)
        if kind == "delta":
            self._known.keep(message, raw)
            self._draw(message)
        elif kind == "ref_hash":
            self._draw(self._known.look_up(message))
        elif kind == "new_session":
            self._begin(message, run, fragments)
        elif kind == "script_finished":
            self._finish(message.script_finished, run, fragments)
        elif kind == "navigation":
            self.tree.page = message.navigation.page_script_hash
            self.pages = {one.page_name: one.page_script_hash for one in message.navigation.app_pages}
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self._start_timer(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._stop_timer(fragment)
        elif kind == "file_urls_response":
            self._asked.pop(message.file_urls_response.response_id).set_result(message.file_urls_response)
        elif kind in ("page_not_found", "session_event"):
            self.failed(kind, str(message))

    def _begin(self, message: ForwardMsg, run: str, fragments: list[str]) -> None:
        self._session = message.new_session.initialize.session_id
        self._most_runs = message.new_session.config.max_cached_message_age
        self.tree.begin(message.new_session, run, fragments)
        if not fragments:
            self._full = run
            self._stop_timers()

    def _finish(self, status: int, run: str, fragments: list[str]) -> None:
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.failed("script", "can't be compiled")
        if status not in _WELL:
            return
        self._known.age(self._most_runs, fragments)
        self.tree.finish(run, fragments)
        self.widgets.keep(self.tree.ids())
        if not fragments and run == self._full:
            self.runs += 1
            self.ended = time.monotonic()

    def _draw(self, message: ForwardMsg) -> None:
        try:
            node = self.tree.apply(message)
        except BadPath as error:
            self.failed("frontend", str(error))
            return
        if node is None or node.element is None:
            return
        if node.element.HasField("exception"):
            self.failed("exception", str(node.element.exception))
        elif node.element.HasField("bidi_component"):
            self.widgets.mount(node.element.bidi_component, node.fragment)

    def _start_timer(self, fragment: str, interval: float) -> None:
        if self._timers.get(fragment, (0.0, None))[0] != interval:
            self._stop_timer(fragment)
            self._timers[fragment] = (interval, asyncio.create_task(self._tick(fragment, interval)))

    async def _tick(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._run(fragment, by_timer=True)

    def _stop_timer(self, fragment: str) -> None:
        if fragment in self._timers:
            self._timers.pop(fragment)[1].cancel()

    def _stop_timers(self) -> None:
        for fragment in list(self._timers):
            self._stop_timer(fragment)

    def _fetch_media(self, raw: bytes) -> None:
        """A browser fetches a picture as soon as it has its address, and once."""
        for link in set(_MEDIA.findall(raw)) - self._fetched:
            self._fetched.add(link)
            self._do(self._fetch(link.decode().removeprefix("/")))

    async def _fetch(self, link: str) -> None:
        await self.http.get(link)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed("frontend", repr(error))
