"""A worker's error in another process: what it wrote down about it, turned back into the error that it was."""

from __future__ import annotations

from collections.abc import Iterator

from tlcore.errors import StudioError
from tlcore.runs.events import Event


def error_from(ended: Event | None, text: str) -> StudioError:
    """The error that an `ended` event tells, of the class that the worker raised, so that exit statuses stay right.

    Args:
        ended: The run's last event, if there is one.
        text: The error in plain words, for a worker that could not tell more.
    """
    details = (ended or {}).get("details")
    if not details:
        return StudioError(text)
    kind = {kind.__name__: kind for kind in _kinds(StudioError)}.get(details["kind"], StudioError)
    return kind(details["what"], value=details["value"], options=details["options"], hint=details["hint"])


def _kinds(kind: type[StudioError]) -> Iterator[type[StudioError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)
