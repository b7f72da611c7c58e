"""What a browser asks an app for besides its websocket: the page itself, pictures, and a place for uploads."""

from __future__ import annotations

import asyncio
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import Final
from urllib.parse import urljoin

_PATIENCE: Final = 60.0  # seconds
_AT_ONCE: Final = 6  # requests, as browsers do
_TOKEN: Final = "_streamlit_xsrf"  # noqa: S105 - a cookie's name
_FIRST: Final = ("_stcore/health", "_stcore/host-config")
_ASSETS: Final = re.compile(r'(?:src|href)="(\./[^"]+\.(?:js|css))"')


@dataclass
class Http:
    """One session's requests, with its own cookies.

    Attributes:
        address: The app's.
        failed: Told the address and the reason of what went wrong.
        count: Told of each request.
    """

    address: str
    failed: Callable[[str, str], None]
    count: Callable[[], None]
    _cookies: CookieJar = field(default_factory=CookieJar)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def open(self) -> None:
        """Fetches what a browser fetches before there is a session: the page with its scripts, and the cookie."""
        page = await self.get("")
        assets = _ASSETS.findall((page or b"").decode())
        await asyncio.gather(*(self.get(one) for one in [*assets, *_FIRST]))

    @property
    def token(self) -> str:
        """What shows that a request comes from the app's own page."""
        return next((one.value or "" for one in self._cookies if one.name == _TOKEN), "")

    @property
    def cookie(self) -> str:
        """The header with all cookies."""
        return "; ".join(f"{one.name}={one.value}" for one in self._cookies)

    async def get(self, path: str) -> bytes | None:
        """Fetches what lies there; None, and it is told, where that fails."""
        return await self._send(urllib.request.Request(urljoin(f"{self.address}/", path)))  # noqa: S310 - our own app

    async def put_file(self, path: str, name: str, data: bytes) -> bool:
        """Uploads a file as a form, as the frontend does."""
        border = uuid.uuid4().hex
        head = (
            f'--{border}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        request = urllib.request.Request(  # noqa: S310 - our own app
            urljoin(f"{self.address}/", path.removeprefix("/")),
            data=head.encode() + data + f"\r\n--{border}--\r\n".encode(),
            headers={"Content-Type": f"multipart/form-data; boundary={border}", "X-Xsrftoken": self.token},
            method="PUT",
        )
        return await self._send(request) is not None

    async def _send(self, request: urllib.request.Request) -> bytes | None:
        self.count()
        async with self._room:
            try:
                return await asyncio.to_thread(self._sent, request)
            except urllib.error.HTTPError as error:
                self.failed(request.full_url, f"HTTP {error.code}")
            except OSError as error:
                self.failed(request.full_url, f"HTTP: {error}")
        return None

    def _sent(self, request: urllib.request.Request) -> bytes:
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))
        with opener.open(request, timeout=_PATIENCE) as answer:
            found: bytes = answer.read()
            return found
