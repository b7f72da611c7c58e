"""Following work on standard error."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import click

from tlcore.errors import RunError
from tlcore.jobs.service import read_error, read_result, request_stop, wait
from tlcore.progress import Silence
from tlcore.runs.folder import RunFolder
from tlcore.runs.states import State
from tlcore.workspace import Workspace

_SECONDS_BETWEEN_LINES = 2.0


class StderrReporter(Silence):
    """Tells progress on standard error, at most a line every two seconds and task."""

    def __init__(self) -> None:
        self._task = ""
        self._last = 0.0

    def event(self, kind: str, **values: Any) -> None:
        """Writes notes; other events are for those who keep them."""
        if kind == "note":
            click.echo(values["text"], err=True)

    def progress(self, task: str, done: int, total: int) -> None:
        """Writes a line when the task is new, when it is done, and now and then."""
        now = time.monotonic()
        if task == self._task and (done < total or not total) and now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._task, self._last = task, now
        click.echo(f"{task}: {done:,} of {total:,}" if total else f"{task}: {done:,}", err=True)


def follow_run(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """Waits for a job, telling what happens; Ctrl-C asks it to stop, and waits for what it keeps.

    Returns:
        The job's result, with `run_id` and `state`.

    Raises:
        StudioError: The job failed; the worker's own error.
    """
    reporter = StderrReporter()
    told = 0
    seen = 0

    def tell(event: dict[str, Any]) -> None:
        nonlocal seen, told
        seen += 1
        if seen <= told:
            return  # waiting again after Ctrl-C starts with the first event
        told = seen
        if event["kind"] == "progress":
            reporter.progress(event["task"], event["done"], event["total"])
        elif line := _line(event):
            click.echo(line, err=True)

    while True:
        seen = 0
        try:
            record = wait(workspace, run_id, on_event=tell)
            break
        except KeyboardInterrupt:
            click.echo("Stopping; the best model so far is kept.", err=True)
            with suppress(RunError):  # it ended at this very moment
                request_stop(workspace, run_id)
    if record.state in (State.FAILED, State.INTERRUPTED):
        raise read_error(workspace, run_id)
    answer = {"run_id": run_id, "state": record.state.value}
    if record.state is State.STOPPED and not RunFolder.find(workspace, run_id).result.exists():
        return answer  # stopped before there was anything to keep
    return answer | read_result(workspace, run_id)


def _line(event: dict[str, Any]) -> str:
    """One event as a line of text; "" for what is not worth one."""
    match event["kind"]:
        case "task":
            return f"{event['task']} …"
        case "phase":
            return f"Phase {event['phase']}: {event['epochs']} epochs, {event['trainable']:,} weights learn"
        case "epoch":
            return (
                f"  epoch {event['epoch']:>3}  loss {event['loss']:.4f}  accuracy {event['accuracy']:.1%}  "
                f"validation loss {event['val_loss']:.4f}  accuracy {event['val_accuracy']:.1%}  "
                f"{event['seconds']:.1f} s"
            )
        case "baseline":
            return f"Before training: {event['accuracy']:.1%} right on the test pictures"
        case "note":
            return str(event["text"])
        case "retry":
            return str(event["why"])
        case _:
            return ""
