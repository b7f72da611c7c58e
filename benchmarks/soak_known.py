"""Messages that a session keeps, so that the app sends no more than their hash: the frontend's cache."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


@dataclass
class _Kept:
    raw: bytes
    run: int
    fragment: str


@dataclass
class Known:
    """The cache of one session."""

    _runs: int = 0
    _kept: dict[str, _Kept] = field(default_factory=dict)

    def hashes(self) -> Collection[str]:
        """Of all that is kept."""
        return self._kept.keys()

    def keep(self, message: ForwardMsg, raw: bytes) -> None:
        """Keeps what the app will not send a second time."""
        if message.metadata.cacheable and message.hash not in self._kept:
            self._kept[message.hash] = _Kept(raw, self._runs, message.delta.fragment_id)

    def look_up(self, reference: ForwardMsg) -> ForwardMsg:
        """The message that is meant, at its new place.

        Raises:
            KeyError: It is not here: in a browser, the page would break.
        """
        kept = self._kept[reference.ref_hash]
        kept.run = self._runs
        found: ForwardMsg = ForwardMsg.FromString(kept.raw)
        found.metadata.CopyFrom(reference.metadata)
        return found

    def age(self, most_runs: int, fragments: Collection[str]) -> None:
        """A run has ended: what was not needed for so many runs goes."""
        self._runs += 1
        for key, kept in list(self._kept.items()):
            if (not fragments or kept.fragment in fragments) and self._runs - kept.run > most_runs:
                del self._kept[key]
