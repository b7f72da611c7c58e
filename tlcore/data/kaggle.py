"""Kaggle, as far as pages need it: which dataset is meant, and the person's own token. Nothing here goes to Kaggle.

The token lives where Kaggle's own tools keep it, in the person's home folder and outside every workspace, so that no
copy, backup or upload of a workspace takes it along.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tlcore.errors import ImportRefused, WorkspaceError
from tlcore.files import write_bytes
from tlcore.modes import Source
from tlcore.workspace import Workspace

TOKEN_VARIABLE: Final = "KAGGLE_API_TOKEN"  # noqa: S105 - the name of a variable
_USER_VARIABLE: Final = "KAGGLE_USERNAME"
_KEY_VARIABLE: Final = "KAGGLE_KEY"
_FOLDER_VARIABLE: Final = "KAGGLE_CONFIG_DIR"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# What fits into a header: ASCII that can be seen, no spaces.
_TOKEN: Final = re.compile(r"[!-~]{8,1000}")
_FIELD: Final = re.compile(r"[!-~]{1,1000}")
_SITES: Final = ("kaggle.com", "www.kaggle.com")
_OTHER_PAGES: Final[Mapping[str, str]] = {
    "competitions": "a competition",
    "c": "a competition",
    "models": "a model",
    "m": "a model",
    "code": "a notebook",
}
_LONGEST_SHOWN: Final = 200


@dataclass(frozen=True)
class KaggleDataset:
    """A dataset on Kaggle.

    Attributes:
        owner: Who published it, as in its address.
        name: Its name there.
        version: Which version; None is the newest.
    """

    owner: str
    name: str
    version: int | None = None

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}" + (f" (version {self.version})" if self.version else "")

    @property
    def homepage(self) -> str:
        """Its page."""
        return f"https://www.kaggle.com/datasets/{self.owner}/{self.name}"


def parse_kaggle(text: str) -> KaggleDataset:
    """The dataset that somebody names, by `owner/name`, `owner/name/versions/3`, or its pasted address.

    Raises:
        ImportRefused: It names something else, or nothing.
    """
    parts = _address(text.strip())
    if parts and parts[0].lower() in _OTHER_PAGES:
        raise ImportRefused(
            f"This is {_OTHER_PAGES[parts[0].lower()]} on Kaggle, not a dataset",
            value=text[:_LONGEST_SHOWN],
            hint="Only datasets can be fetched. Download its files from Kaggle in your browser (a competition asks you "
            "to accept its rules there), and import the zip.",
        )
    if parts and parts[0].lower() == "datasets":
        parts = parts[1:]
    if len(parts) < 2 or not all(_NAME.fullmatch(part) for part in parts[:2]):
        raise ImportRefused(
            "This does not name a dataset on Kaggle",
            value=text[:_LONGEST_SHOWN],
            hint="It is named by owner/name, the end of its address: kaggle.com/datasets/owner/name.",
        )
    return KaggleDataset(parts[0], parts[1], _version(parts[2:], text))


def _address(text: str) -> list[str]:
    """The parts of the path in an address, or of a bare slug."""
    split = urlsplit(text if "://" in text else f"https://{text}")
    if (split.hostname or "") in _SITES:
        return [part for part in split.path.split("/") if part]
    if "://" in text:
        raise ImportRefused(
            "This address does not lead to Kaggle",
            value=text[:_LONGEST_SHOWN],
            hint="Paste the address of a dataset's page on kaggle.com, or type owner/name.",
        )
    return [part for part in text.split("/") if part]


def _version(rest: list[str], text: str) -> int | None:
    if not rest or rest[0] != "versions":
        return None  # the tab of its page: data, code, discussion …
    if len(rest) < 2 or not re.fullmatch(r"[1-9][0-9]{0,5}", rest[1]):
        raise ImportRefused(
            "The number of the dataset's version is missing",
            value=text[:_LONGEST_SHOWN],
            hint="Write owner/name/versions/3, or leave the version out to get the newest.",
        )
    return int(rest[1])


def check_kaggle_allowed(workspace: Workspace) -> None:
    """Kaggle is for people on their own machine: on a shared one, everybody would fetch with one person's token.

    Raises:
        ImportRefused: Several people share the workspace's machine, or the operator has switched Kaggle off.
    """
    if workspace.policy.shared_machine:
        raise ImportRefused(
            "Kaggle is switched off here, where everybody would share one token",
            hint="Download the dataset from Kaggle in your browser and upload its zip here, or run the app on your own "
            "computer.",
        )
    workspace.check_source(Source.KAGGLE)


def has_token(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a token is known: saved here, by Kaggle's own tools, or in a variable."""
    return _known_place(environment) is not None


def token_place(environment: Mapping[str, str] = os.environ) -> str:
    """Where the token that is used lies, or where `save_token` would put one, for people."""
    return _known_place(environment) or str(_token_file())


def save_token(text: str) -> None:
    """Keeps a token in the person's home folder, readable by nobody else.

    Args:
        text: An API token, or the content of a `kaggle.json`, as Kaggle's settings page gives them.

    Raises:
        ImportRefused: It can't be a token. The text is not repeated in the message.
        WorkspaceError: The file can't be written.
    """
    stripped = text.strip()
    key = _legacy_key(stripped)
    if key is None and not _TOKEN.fullmatch(stripped):
        raise ImportRefused(
            "This can't be a Kaggle token",
            hint="Copy it from kaggle.com, Settings, API: the token itself, or all that is in the file kaggle.json.",
        )
    path = _token_file() if key is None else _legacy_file(os.environ)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes(path, (stripped if key is None else json.dumps(key)).encode(), mode=0o600)
    except OSError as error:
        raise WorkspaceError(
            f"The token can't be saved: {error.strerror}", value=path, hint="Check that you may write there."
        ) from error


def forget_token(environment: Mapping[str, str] = os.environ) -> None:
    """Removes every file that a token is read from.

    Raises:
        WorkspaceError: A file can't be removed, or the token comes from a variable, which only its setter can clear.
    """
    for path in (*_token_files(), _legacy_file(environment)):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise WorkspaceError(
                f"The token can't be removed: {error.strerror}", value=path, hint="Delete that file yourself."
            ) from error
    if place := _known_place(environment):
        raise WorkspaceError(
            f"The token comes from {place}, which can't be cleared from here",
            hint="Remove it where the app is started, then start the app again.",
        )


def _known_place(environment: Mapping[str, str]) -> str | None:
    """The first place that holds a token, in the order in which `kagglehub` looks."""
    if environment.get(TOKEN_VARIABLE):
        return f"the variable {TOKEN_VARIABLE}"
    for path in _token_files():
        if _text(path).strip():
            return str(path)
    if environment.get(_USER_VARIABLE) and environment.get(_KEY_VARIABLE):
        return f"the variables {_USER_VARIABLE} and {_KEY_VARIABLE}"
    legacy = _legacy_file(environment)
    return str(legacy) if _legacy_key(_text(legacy)) else None


def _token_file() -> Path:
    return _token_files()[0]


def _token_files() -> tuple[Path, ...]:
    folder = Path.home() / ".kaggle"
    return (folder / "access_token", folder / "access_token.txt")  # the second one is what Windows makes of the first


def _legacy_file(environment: Mapping[str, str]) -> Path:
    folder = environment.get(_FOLDER_VARIABLE)
    return (Path(folder) if folder else Path.home() / ".kaggle") / "kaggle.json"


def _legacy_key(text: str) -> dict[str, str] | None:
    """The user's name and key in the content of a `kaggle.json`, or None where it is something else."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    found = {name: document.get(name) for name in ("username", "key")}
    complete = all(isinstance(value, str) and _FIELD.fullmatch(value) for value in found.values())
    return {name: str(value) for name, value in found.items()} if complete else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""  # none there, or none that can be read: both are no token
