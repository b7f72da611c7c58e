"""The clock and the names of runs and jobs; both are passed in where tests need them fixed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


def random_suffix() -> str:
    """Four hexadecimal digits that tell two jobs of the same second apart."""
    return secrets.token_hex(2)


def new_id(now: datetime, suffix: Callable[[], str] = random_suffix) -> str:
    """A name for a run or job that sorts by time and is safe as a folder's name: `20261121-094512-ab3f`."""
    return f"{now:%Y%m%d-%H%M%S}-{suffix()}"


def new_error_id() -> str:
    """A short name under which a message on a page and its details in a log find each other."""
    return f"E-{secrets.token_hex(3)}"
