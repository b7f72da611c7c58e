"""Secrets that are planted where a real training runs, and looked for in whatever leaves the machine."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ACCOUNT = "ada-of-the-engine"
VARIABLES = {
    "KAGGLE_KEY": "KGAT_c0ffee5f2c9d0a77",
    "KAGGLE_USERNAME": "planted-kaggle-user",
    "TLCORE_MEMBERS": "planted.person@example.org",
    "USER": ACCOUNT,
    "LOGNAME": ACCOUNT,
}
COOKIE = "planted-cookie-secret-0123456789abcdef"
KAGGLE_FILE = "KGAT_0ddba11deadbeef5"
WORDS = tuple(dict.fromkeys((ACCOUNT, *VARIABLES.values(), COOKIE, KAGGLE_FILE)))


@contextmanager
def planted(place: Path) -> Iterator[Path]:
    """The home folder in `place`, of an account that has secrets, also for the processes that are started meanwhile."""
    home = place / ACCOUNT
    (home / ".streamlit").mkdir(parents=True)
    (home / ".streamlit" / "secrets.toml").write_text(f'[auth]\ncookie_secret = "{COOKIE}"\n')
    (home / ".kaggle").mkdir()
    (home / ".kaggle" / "kaggle.json").write_text(json.dumps({"username": "planted-kaggle-user", "key": KAGGLE_FILE}))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**VARIABLES, "HOME": str(home)}.items():
            patch.setenv(name, value)
        yield home


def found_in(name: str, data: bytes, words: tuple[str, ...] = WORDS) -> list[str]:
    """Where any of the words stands: in the bytes, and in all that is packed in them, however deep."""
    found = [f"{name}: {word}" for word in words if word.encode() in data or word.encode("utf-16-le") in data]
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                found += found_in(f"{name}/{member}", archive.read(member), words)
    return found
