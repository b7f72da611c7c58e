"""The workspaces of one app: one for each person of a team, one for each session of a demo.

    <root>/users/<24 hexadecimal digits of issuer and subject>/   a person's; `owner.json` says whose
    <root>/demo/<32 random hexadecimal digits>/                   a session's; `seen` is touched while it is used

Nobody finds another one's: the name of the first is made from what the login service vouches for, and that of the
second is known to nobody but the session.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlcore.errors import InputError
from tlcore.files import read_json, write_json
from tlcore.modes import ADMINS_VARIABLE, MEMBERS_VARIABLE, MODE_VARIABLE, listed_in, named_in
from tlcore.workspace import HOST_VARIABLE, Workspace

USERS: Final = "users"
DEMO: Final = "demo"
OWNER: Final = "owner.json"
SEEN: Final = "seen"
ISSUERS_VARIABLE: Final = "TLCORE_TRUSTED_ISSUERS"

_PERSON: Final = re.compile(r"[0-9a-f]{24}")
_SESSION: Final = re.compile(r"[0-9a-f]{32}")
_LONGEST_NAME: Final = 100


@dataclass(frozen=True)
class Person:
    """Who logged in, as the login service vouches.

    Attributes:
        issuer: The login service.
        subject: Its name for the person, which never changes.
        name: What people call them.
        email: The address that the service has verified; "" where it doesn't say that it has.
        unverified: The address that it tells without saying so, which counts for nothing.
    """

    issuer: str
    subject: str
    name: str = ""
    email: str = ""
    unverified: str = ""

    @classmethod
    def from_claims(cls, claims: Mapping[str, object], environment: Mapping[str, str] = os.environ) -> Person:
        """The person from what an OpenID Connect login tells.

        Args:
            claims: What it tells.
            environment: Its `$TLCORE_TRUSTED_ISSUERS` lists login services whose addresses count though they don't say
                whether they verified them. An address that a service calls unverified never counts.

        Raises:
            InputError: Service or subject is missing: nobody could be told from anybody else.
        """
        issuer, subject = claims.get("iss"), claims.get("sub")
        if not (isinstance(issuer, str) and issuer and isinstance(subject, str) and subject):
            raise InputError(
                "The login service did not say who you are",
                hint="Sign out and in again; if that doesn't help, ask whoever runs this app to look at its login.",
            )
        address = _text(claims.get("email"))
        counts = _is_verified(claims.get("email_verified"), issuer, environment)
        email, unverified = (address, "") if counts else ("", address)
        return cls(issuer, subject, _text(claims.get("name")) or email or "Somebody", email, unverified)

    @property
    def key(self) -> str:
        """The name of the person's folder."""
        # A line break can't be part of an issuer, which is an address: no two people make the same text.
        return hashlib.sha256(f"{self.issuer}\n{self.subject}".encode()).hexdigest()[:24]

    def is_admin(self, environment: Mapping[str, str]) -> bool:
        """Whether `$TLCORE_ADMINS` lists their e-mail address."""
        return bool(self.email) and self.email.casefold() in named_in(environment, ADMINS_VARIABLE)

    def may_enter(self, environment: Mapping[str, str]) -> bool:
        """Whether `$TLCORE_MEMBERS` lists their address or its domain, as in `@example.org`; unset, everybody may."""
        members = named_in(environment, MEMBERS_VARIABLE) | named_in(environment, ADMINS_VARIABLE)
        if not environment.get(MEMBERS_VARIABLE):
            return True
        email = self.email.casefold()
        return bool(email) and (email in members or f"@{email.rpartition('@')[2]}" in members)


def person_workspace(app: Workspace, person: Person, environment: Mapping[str, str] = os.environ) -> Workspace:
    """A person's own workspace, made where there is none yet.

    Raises:
        WorkspaceError: Its folder can't be made or written.
    """
    workspace = _open(app, app.root / USERS / person.key, environment)
    owner = {"name": person.name, "email": person.email}
    if _read_owner(workspace.root) != owner:
        write_json(workspace.root / OWNER, owner)
    return workspace


def new_session_key() -> str:
    """The name of a new session's workspace, which nobody can guess: 128 random bits."""
    return secrets.token_hex(16)


def session_workspace(app: Workspace, key: str, environment: Mapping[str, str] = os.environ) -> Workspace:
    """A session's own workspace, made where there is none yet.

    Raises:
        InputError: The key is not one of `new_session_key`'s.
        WorkspaceError: Its folder can't be made or written.
    """
    if not _SESSION.fullmatch(key):
        raise InputError("This can't be the name of a session")
    workspace = _open(app, app.root / DEMO / key, environment)
    (workspace.root / SEEN).touch()
    return workspace


def session_exists(app: Workspace, key: str) -> bool:
    """Whether a session's workspace is still there."""
    return bool(_SESSION.fullmatch(key)) and (app.root / DEMO / key / SEEN).is_file()


def count_sessions(app: Workspace) -> int:
    """How many workspaces of sessions there are."""
    folder = app.root / DEMO
    return sum(1 for path in folder.glob(f"*/{SEEN}") if _SESSION.fullmatch(path.parent.name))


def session_folders(app: Workspace) -> list[Path]:
    """Every folder that has the name of a session's workspace, whether there is one in it or not."""
    return [path for path in (app.host / DEMO).glob("*") if _SESSION.fullmatch(path.name) and path.is_dir()]


def all_workspaces(host: Workspace) -> Iterator[Workspace]:
    """Every workspace of an app, in no special order: for its queue, its watchdog and its administrators.

    Args:
        host: Any workspace of the app.
    """
    if host.mode == "local":
        yield host
        return
    parent, name = (host.host / USERS, _PERSON) if host.mode == "team" else (host.host / DEMO, _SESSION)
    if not parent.is_dir():
        return
    for path in parent.iterdir():
        if name.fullmatch(path.name) and (path / "runs").is_dir():
            yield _placed(host, path)


def owner_name(workspace: Workspace) -> str:
    """What people call the one whose workspace it is: "" in local mode, "A visitor" in a demo."""
    if workspace.mode == "local":
        return ""
    if workspace.mode == "demo":
        return "A visitor"
    return _read_owner(workspace.root).get("name") or "Somebody"


def _read_owner(root: Path) -> dict[str, str]:
    try:
        document = read_json(root / OWNER)
        return {"name": str(document["name"]), "email": str(document["email"])}
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return {}


def _open(app: Workspace, root: Path, environment: Mapping[str, str]) -> Workspace:
    return Workspace.open(root, {**environment, HOST_VARIABLE: str(app.host), MODE_VARIABLE: app.mode})


def _placed(host: Workspace, root: Path) -> Workspace:
    """Another workspace of the same app, whose folders are there already."""
    return Workspace(root, host.limits, host.mode, host.roots, host.host, host.sources)


def _is_verified(claim: object, issuer: str, environment: Mapping[str, str]) -> bool:
    """Whether the service vouches for the address: it says so, as a truth value or, as some do, as a text."""
    if claim is None:
        return issuer in listed_in(environment, ISSUERS_VARIABLE)  # letter for letter: capitals may matter
    return claim is True or (isinstance(claim, str) and claim.casefold() == "true")


def _text(value: object) -> str:
    return " ".join(value.split())[:_LONGEST_NAME] if isinstance(value, str) else ""
