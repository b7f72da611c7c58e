"""The one place that takes secrets out of text, and the home folder's name with it.

Secrets are known by where they come from (variables with telling names, Kaggle's token, Streamlit's `secrets.toml`) and
by how they look (headers, addresses with a password or a signature).
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import tlcore

HIDDEN: Final = "[hidden]"

_TELLING: Final = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|COOKIE|API_?KEY|(^|_)KEY(_|$)", re.IGNORECASE)
_SHORTEST: Final = 6
_SHORTEST_IN_FILE: Final = 8  # a file of secrets also holds words such as "google"
_SHORTEST_LINE: Final = 16

# What follows these is secret whoever wrote it. The first group stays.
_LOOKS: Final = (
    re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:(?:bearer|basic|token|digest)\s+)?)[^\s'\",;]+"),
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)(?=[\w.~+/=-]*[\d=._-])[\w.~+/=-]{12,}"),
    re.compile(r"(?i)(\b(?:set-)?cookie['\"]?\s*:\s*['\"]?)[^\r\n'\"]+"),
    re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@'\"]+(?=@)"),
    re.compile(r"(?i)([?&][\w.-]*(?:token|key|secret|signature|sig|credential|password|code|state)=)[^\s&#'\"]+"),
    re.compile(
        r"(?i)(\b[\w-]*(?:password|passwd|secret|api[_-]?key|access[_-]?token)['\"]?\s*[:=]\s*['\"]?)[^\s'\",;)}\]]{6,}"
    ),
)


@dataclass(frozen=True)
class Redactor:
    """Text without secrets. Call it; what is secret is looked up anew each time, in tens of microseconds.

    Attributes:
        extra: More secrets, of which only the caller knows.
        hides_home: Whether the home folder is written as `~`.
    """

    extra: tuple[str, ...] = ()
    hides_home: bool = True

    def __call__(self, text: str) -> str:
        """`text` with each secret replaced by `[hidden]`."""
        known = _pattern((*self.extra, *known_secrets()))
        if known is not None:
            text = known.sub(HIDDEN, text)
        for look in _LOOKS:
            text = look.sub(rf"\1{HIDDEN}", text)
        return _without_home(text, str(Path.home())) if self.hides_home else text

    def in_document(self, document: Any) -> Any:
        """Plain JSON data with every text in it redacted; names of fields stay."""
        if isinstance(document, str):
            return self(document)
        if isinstance(document, Mapping):
            return {name: self.in_document(value) for name, value in document.items()}
        if isinstance(document, list | tuple):
            return [self.in_document(value) for value in document]
        return document


def known_secrets(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Every secret that this process could come by: of variables, of Kaggle's files, of Streamlit's secrets."""
    found = {value for name, value in environment.items() if _TELLING.search(name) and len(value) >= _SHORTEST}
    for path in _files(environment):
        try:
            about = path.stat()
        except OSError:
            continue  # none there
        found.update(_values_in(path, about.st_mtime_ns, about.st_size))
    return tuple(sorted(found))


def leaves(document: Any) -> Iterator[str]:
    """Every text in nested mappings and lists."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        for value in document.values():
            yield from leaves(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from leaves(value)


def _files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    home = Path.home()
    kaggle = Path(environment.get("KAGGLE_CONFIG_DIR") or home / ".kaggle")
    streamlit = Path(".streamlit") / "secrets.toml"
    return (
        home / ".kaggle" / "access_token",
        home / ".kaggle" / "access_token.txt",
        kaggle / "kaggle.json",
        home / streamlit,
        Path(tlcore.__file__).parents[1] / streamlit,
        streamlit,
    )


@lru_cache(maxsize=32)
def _values_in(path: Path, changed: int, size: int) -> tuple[str, ...]:  # noqa: ARG001 - a file that changed is read anew
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            return tuple(_worth_hiding(leaves(tomllib.loads(text))))
        if path.suffix == ".json":
            return tuple(_worth_hiding([str(json.loads(text)["key"])]))
    except (OSError, ValueError, KeyError, TypeError):
        return ()  # none that can be read: then nobody else reads it either
    return tuple(_worth_hiding([text.strip()]))


def _worth_hiding(values: Iterable[str]) -> Iterator[str]:
    """Values long enough to be secrets; of a key in several lines each line too, for logs that break it up."""
    for value in values:
        if len(value) >= _SHORTEST_IN_FILE:
            yield value
        if "\n" in value:
            yield from (line for line in value.splitlines() if len(line) >= _SHORTEST_LINE)


@lru_cache(maxsize=32)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted({secret for secret in secrets if secret.strip()}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _without_home(text: str, home: str) -> str:
    if len(home) < 3:
        return text  # no home of its own, as in some containers
    return re.sub(rf"(?<![\w.-]){re.escape(home)}(?=$|[^\w.-])", "~", text)
