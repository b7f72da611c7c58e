"""Documents that carry a version of their own: a newer one is told as that, not as damaged."""

from __future__ import annotations

from typing import Any

from tlcore.errors import StudioError


def refuse_newer_schema(document: Any, newest: int, what: str, kind: type[StudioError]) -> None:
    """Refuses a document that a newer program wrote; whatever else is wrong with it, its reader tells.

    Args:
        document: As it was read from JSON.
        newest: The newest `schema_version` that this program reads.
        what: What the document is, as the start of a sentence: "This report".
        kind: The error to raise.

    Raises:
        StudioError: Of that kind.
    """
    version = document.get("schema_version", newest) if isinstance(document, dict) else newest
    if isinstance(version, int) and version > newest:
        raise kind(
            f"{what} was written by a newer version of the program",
            value=f"schema version {version}",
            options=[f"1 to {newest}" if newest > 1 else newest],
            hint="Open it with the version that wrote it, or install that version here.",
        )
