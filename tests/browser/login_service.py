"""A login service for OpenID Connect, on this machine. It signs in whom the test chose, without a form."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT: Final = {"client_id": "studio", "client_secret": "planted-client-secret"}


class LoginService(ThreadingHTTPServer):
    """Give `person` the claims of whoever is to be signed in next; None is somebody who turns back."""

    def __init__(self, redirect_uri: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.redirect_uri = redirect_uri
        self.person: Mapping[str, Any] | None = None
        self.key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": "test"})
        self.granted: dict[str, tuple[dict[str, str], Mapping[str, Any]]] = {}
        self.signed_out: list[dict[str, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            **{f"{name}_endpoint": f"{self.address}/{name}" for name in ("authorization", "token", "end_session")},
            "jwks_uri": f"{self.address}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to, with a code that works once."""
        wanted = {"response_type": "code", "client_id": CLIENT["client_id"], "redirect_uri": self.redirect_uri}
        assert wanted.items() <= asked.items(), asked
        assert "openid" in asked["scope"].split()
        if self.person is None:
            return f"{self.redirect_uri}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"
        code = secrets.token_urlsafe()
        self.granted[code] = (asked, self.person)
        return f"{self.redirect_uri}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, asked: dict[str, str], authorization: str) -> dict[str, Any]:
        """The signed claims, for whoever shows the client's secret, the code, and what its challenge was made of."""
        shown = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        assert shown == f"{CLIENT['client_id']}:{CLIENT['client_secret']}"
        begun, person = self.granted.pop(asked["code"])
        challenge = base64.urlsafe_b64encode(hashlib.sha256(asked["code_verifier"].encode()).digest())
        assert challenge.decode().rstrip("=") == begun["code_challenge"]
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT["client_id"], "iat": now, "exp": now + 600, **person}
        if "nonce" in begun:
            claims["nonce"] = begun["nonce"]
        signed = jwt.encode({"alg": "RS256", "kid": "test"}, claims, self.key)
        return {"id_token": signed, "access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 600}


class _Handler(BaseHTTPRequestHandler):
    server: LoginService

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        asked = dict(parse_qsl(place.query))
        if place.path == "/.well-known/openid-configuration":
            self._answer(self.server.discovery())
        elif place.path == "/jwks":
            self._answer({"keys": [self.server.key.as_dict(private=False)]})
        elif place.path == "/authorization":
            self._send_on(self.server.authorize(asked))
        elif place.path == "/end_session":
            self.server.signed_out.append(asked)
            self._send_on(asked["post_logout_redirect_uri"])
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        asked = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        self._answer(self.server.token(asked, self.headers["Authorization"]))

    def _answer(self, document: Mapping[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_on(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
        """Says nothing: a failed assertion above is a failed login."""


@contextmanager
def login_service(redirect_uri: str) -> Iterator[LoginService]:
    """A running service that sends people back to `redirect_uri`, and nowhere else."""
    service = LoginService(redirect_uri)
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        service.server_close()
        thread.join()
