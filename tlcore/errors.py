"""One tree of errors whose text a person who does not code can act on.

Every error says what happened, the value received, the valid options and the next step. Pages and the command line show
`str(error)` as it is; nobody ever sees a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST_OPTIONS = 12


class StudioError(Exception):
    """Base of every error that the project raises on purpose.

    Args:
        what: What happened, a sentence in plain words.
        value: The value received, where one was.
        options: The valid values, where they can be listed; those that resemble `value` come first.
        hint: The next step: what to do about it.

    Attributes:
        exit_status: What the command line exits with: 1 the work failed, 2 the input or usage was bad.
    """

    exit_status = 1

    def __init__(self, what: str, *, value: object = None, options: Iterable[object] = (), hint: str = "") -> None:
        self.what = what
        self.value = value
        self.options = tuple(str(option) for option in options)
        self.hint = hint
        super().__init__(what, value, self.options, hint)

    def __str__(self) -> str:
        parts = [self.what if self.what.endswith((".", "!", "?")) else f"{self.what}."]
        if self.value is not None:
            parts.append(f"Received: {self.value}.")
        if self.options:
            parts.append(f"Valid: {', '.join(self._nearest_options())}.")
        if self.hint:
            parts.append(self.hint)
        return " ".join(parts)

    def _nearest_options(self) -> list[str]:
        near = get_close_matches(str(self.value), self.options, n=3)
        ordered = [*near, *(option for option in self.options if option not in near)]
        if len(ordered) <= _MOST_OPTIONS:
            return ordered
        return [*ordered[:_MOST_OPTIONS], f"and {len(ordered) - _MOST_OPTIONS} more"]

    def to_json(self) -> dict[str, object]:
        """The error as plain data, for events and reports: `kind`, `what`, `value`, `options`, `hint`, `text`."""
        return {
            "kind": type(self).__name__,
            "what": self.what,
            "value": None if self.value is None else str(self.value),
            "options": list(self.options),
            "hint": self.hint,
            "text": str(self),
        }


class InputError(StudioError):
    """What the person asked for can't work; nothing was started."""

    exit_status = 2


class ConfigError(InputError):
    """A run's settings contradict each other, the dataset or the backbone."""


class DatasetError(InputError):
    """A dataset is unknown, empty or can't be split as asked."""


class ImportRefused(InputError):
    """An archive or folder can't become a dataset; nothing of it was kept."""


class PictureError(InputError):
    """One picture can't be read; the rest is not affected."""


class BackboneError(InputError):
    """A backbone is unknown, or can't do what was asked of it."""


class RunError(InputError):
    """A run is unknown, or is not in a state that allows what was asked."""


class WeightsUnavailable(StudioError):
    """Pretrained weights could not be fetched or don't match their checksum."""


class DownloadFailed(StudioError):
    """A dataset could not be fetched from where it is published; nothing of it was kept."""


class WorkspaceError(StudioError):
    """The workspace can't be read or written: permissions, disk, an unknown version."""


class CacheFull(WorkspaceError):
    """There is no room for what a run wants to keep, even without everything that nobody uses."""


class TrainingFailed(StudioError):
    """Training ended without a model."""


class BundleError(StudioError):
    """A finished run's bundle is damaged, incomplete or can't be used as asked."""


class NoBundle(BundleError):
    """The run has nothing to predict with: it has not ended, or it failed. Another run is to be chosen."""

    exit_status = 2
