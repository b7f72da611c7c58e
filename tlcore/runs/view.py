"""A run as pages and the command line show it, kept up to date by reading only what is new."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Self

from tlcore.errors import RunError
from tlcore.runs.attempts import story_after_earlier
from tlcore.runs.events import file_number, read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.heartbeat import read_pulse
from tlcore.runs.identity import Clock, utc_now
from tlcore.runs.locks import is_held
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.remaining import seconds_to_end
from tlcore.runs.states import State
from tlcore.runs.story import Note, RunStory, TaskProgress
from tlcore.workspace import Workspace

SILENCE_SECONDS: Final = 60.0
"""After so long without a word a worker counts as not responding, while it counts batches or pictures."""

UNCOUNTED_SECONDS: Final = 300.0
"""The same for steps that have nothing to count: starting, converting a backbone, writing the model."""

_LONGEST_TIMES: Final = 3.0
_MOST_SECONDS: Final = 900.0


class RunView:
    """What is known of one run or job. Call `refresh` as often as once a second; it reads only new bytes.

    Attributes:
        record: The registry's row: state, title, times, error.
        story: What the events add up to: phases, history, batches, notes, baseline.
    """

    def __init__(
        self, workspace: Workspace, record: JobRecord, folder: RunFolder, clock: Clock, monotonic: Callable[[], float]
    ) -> None:
        self.record = record
        self.story = RunStory()
        self._registry = Registry(workspace, clock)
        self._folder = folder
        self._clock = clock
        self._monotonic = monotonic
        self._offset = 0
        self._file: int | None = None
        self._result: dict[str, Any] | None = None

    @classmethod
    def open(
        cls, workspace: Workspace, run_id: str, clock: Clock = utc_now, monotonic: Callable[[], float] = time.monotonic
    ) -> Self:
        """The run `run_id`, up to date.

        Args:
            workspace: Where it lives.
            run_id: The run or job.
            clock, monotonic: The time now: as a date, and in seconds as heartbeats are.

        Raises:
            RunError: There is no such run, or its folder is gone.
        """
        record = Registry(workspace, clock).get(run_id)
        view = cls(workspace, record, RunFolder.find(workspace, run_id), clock, monotonic)
        view.refresh()
        return view

    def refresh(self) -> None:
        """Reads what is new.

        Raises:
            RunError: The run was deleted.
        """
        # The state is read first: once it is an end, no event comes after those read next.
        self.record = self._registry.get(self.id)
        number = file_number(self._folder.events)
        if number != self._file:
            # The first look, or the run was started again: its earlier events were put away and a new file begins.
            self.story = story_after_earlier(self._folder)
            self._offset, self._file, self._result = 0, number, None
        page = read_events(self._folder.events, self._offset)
        self._offset = page.offset
        self.story.add_all(page.events)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.record.id

    @property
    def state(self) -> State:
        """Where the run is in its life."""
        return self.record.state

    @property
    def error(self) -> str | None:
        """Why it failed or was interrupted."""
        return self.record.error

    @property
    def phase(self) -> str | None:
        """The phase at hand or the last one: "scratch", "frozen", "fine_tune"; None before the first."""
        return self.story.phase.name if self.story.phase else None

    @property
    def epoch(self) -> int:
        """Epochs finished in this phase."""
        return self.story.phase.done if self.story.phase else 0

    @property
    def epochs(self) -> int | None:
        """Epochs planned in this phase, None before the first."""
        return self.story.phase.epochs if self.story.phase else None

    @property
    def history(self) -> list[dict[str, Any]]:
        """A row for each epoch, with the keys of an `epoch` event; of earlier attempts those that count."""
        return self.story.history

    @property
    def batches(self) -> list[dict[str, Any]]:
        """A row for each batch, with the keys of a `batch` event; evenly thinned when there are more than 5,000.

        Those of earlier attempts that count are among them, each once.
        """
        return self.story.batches

    @property
    def notes(self) -> list[Note]:
        """What the run had to tell."""
        return self.story.notes

    @property
    def baseline(self) -> dict[str, Any] | None:
        """Loss and accuracy on the test pictures before training."""
        return self.story.baseline

    @property
    def memory(self) -> int | None:
        """Most anonymous memory that the worker told of, in bytes; None while it told none."""
        return self.story.memory

    @property
    def task(self) -> TaskProgress | None:
        """What is done outside of epochs now, None in an epoch and after the end."""
        return self.story.task if self.state.active else None

    @property
    def fraction(self) -> float | None:
        """Share that is done of what is at hand, task or phase, from 0 to 1; None when unknown; 1 once completed."""
        if self.state is State.COMPLETED:
            return 1.0
        if self.story.task is not None:
            task = self.story.task
            return min(task.done / task.total, 1.0) if task.total else None
        return self.story.phase.fraction if self.story.phase else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the task or phase at hand ends, at the pace so far; None when unknown or not at work.

        A later phase is not counted: what its epochs take is not known before the first of them.
        """
        at_hand = self.story.task or self.story.phase
        if self.state is not State.RUNNING or at_hand is None:
            return None
        left = at_hand.seconds_left()
        if left is None:
            return None
        # A clock that was set back since would make the rest longer than it was.
        return max(left - max((self._clock() - at_hand.told).total_seconds(), 0.0), 0.0)

    @property
    def seconds_to_end(self) -> float | None:
        """Seconds until the whole run ends, as foretold and by its pace so far; None when unknown or not at work."""
        return seconds_to_end(self.story, self._clock()) if self.state is State.RUNNING else None

    @property
    def seconds_running(self) -> float | None:
        """Seconds that the run has worked, or worked until it ended; None before it started."""
        if self.record.started is None:
            return None
        return max(((self.record.ended or self._clock()) - self.record.started).total_seconds(), 0.0)

    @property
    def not_responding(self) -> bool:
        """Whether the worker lives but has told nothing for long. It is never killed for that.

        Time that the computer slept does not count, and a worker that was once silent for long may be so again.
        """
        silence = self.silence
        return silence is not None and silence > self._patience and is_held(self._folder.lock)

    @property
    def responding(self) -> bool | None:
        """Whether the worker makes progress; None where there is none."""
        return not self.not_responding if self.state.active else None

    @property
    def silence(self) -> float | None:
        """Seconds since the worker last made progress; None where it is not at work."""
        pulse = read_pulse(self._folder.heartbeat, self._monotonic) if self.state.active else None
        return None if pulse is None else pulse.silence

    @property
    def _patience(self) -> float:
        pulse = read_pulse(self._folder.heartbeat, self._monotonic)
        task = self.story.task
        counts = task.total > 0 if task is not None else self.story.phase is not None
        usual = SILENCE_SECONDS if counts else UNCOUNTED_SECONDS
        return min(max(usual, _LONGEST_TIMES * pulse.longest if pulse else 0.0), _MOST_SECONDS)

    @property
    def result(self) -> dict[str, Any] | None:
        """What the run's runner returned, for a training its report; None while there is none."""
        if self._result is None and self.state.ended:
            try:
                self._result = self._folder.read_result()
            except RunError:
                return None
        return self._result

    def log_tail(self, characters: int = 20_000) -> str:
        """The end of what the worker printed; "" when it printed nothing."""
        return self._folder.read_log(characters)

    def to_json(self) -> dict[str, Any]:
        """The run as plain JSON data: state, place in the training, times, error, and the test accuracy once known."""
        row = self.record
        test = (self.result or {}).get("test") or {}
        return {
            "run_id": row.id,
            "state": row.state.value,
            "title": row.title,
            "dataset": row.dataset,
            "phase": self.phase,
            "epoch": self.epoch,
            "epochs": self.epochs,
            "pid": row.pid,
            "created": row.created.isoformat(),
            "started": row.started.isoformat() if row.started else None,
            "ended": row.ended.isoformat() if row.ended else None,
            "error": row.error,
            "accuracy": test.get("accuracy"),
            "seconds_left": self.seconds_left,
            "seconds_to_end": self.seconds_to_end,
            "responding": self.responding,
            "not_responding": self.not_responding,
        }
