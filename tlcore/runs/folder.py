"""The folder of a run or job: everything that it needs and everything that it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tlcore.errors import RunError, WorkspaceError
from tlcore.files import read_json, write_json
from tlcore.workspace import Workspace, check_id

_RESULT_BEFORE: Final = "result-before.json"


@dataclass(frozen=True)
class RunMeta:
    """What the folder says about itself, so that the registry can be rebuilt from folders alone.

    Attributes:
        id: The folder's name.
        kind: The job kind: "train", "import" …
        name: What people call it.
        dataset: Id of the dataset that it is about, or "".
        owner: Who submitted it.
        created: When it was submitted, UTC.
        tags, notes: People's own words about it.
        named: Whether a person gave it its name.
        archived: Whether it lies in the bin.
        token: The submit's token: a second submit with the same one is the same job. Of a run that was brought in, the
            job's that did it.
    """

    id: str
    kind: str
    name: str
    dataset: str
    owner: str
    created: datetime
    tags: tuple[str, ...] = ()
    notes: str = ""
    token: str | None = None
    named: bool = False
    archived: bool = False

    def to_json(self) -> dict[str, Any]:
        """The meta data as a JSON document."""
        return asdict(self) | {"created": self.created.isoformat(), "tags": list(self.tags)}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> RunMeta:
        """The meta data from `to_json`'s document.

        Raises:
            KeyError, TypeError, ValueError: The document is not one of `to_json`'s.
        """
        created = datetime.fromisoformat(document["created"])
        return replace(cls(**document), created=created, tags=tuple(document["tags"]))


@dataclass(frozen=True)
class RunFolder:
    """Names the files in a run's folder, and reads and writes the small ones."""

    path: Path

    @classmethod
    def find(cls, workspace: Workspace, run_id: str) -> RunFolder:
        """The folder of the run or job `run_id`.

        Raises:
            InputError: The id can't be a folder's name.
            RunError: There is no such folder.
        """
        check_id("run", run_id)
        for parent in (workspace.runs, workspace.jobs):
            if (parent / run_id).is_dir():
                return cls(parent / run_id)
        raise RunError(
            "There is no folder of this run",
            value=run_id,
            hint="It may have been deleted; the Compare page and `runs list` show all runs.",
        )

    @classmethod
    def all_in(cls, workspace: Workspace) -> Iterator[RunFolder]:
        """Every run's and job's folder, in no special order; hidden ones (being deleted) are left out."""
        for parent in (workspace.runs, workspace.jobs):
            if parent.is_dir():
                yield from (cls(path) for path in parent.iterdir() if path.is_dir() and path.name[0] != ".")

    @property
    def id(self) -> str:
        """The run's id, which is the folder's name."""
        return self.path.name

    @property
    def config(self) -> Path:
        """The job's payload; for a training its `RunConfig`."""
        return self.path / "config.json"

    @property
    def meta(self) -> Path:
        """`RunMeta` as JSON. Written last at submit: a folder without it was never submitted."""
        return self.path / "meta.json"

    @property
    def events(self) -> Path:
        """What happened, a JSON line each."""
        return self.path / "events.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Weights kept during training."""
        return self.path / "checkpoints"

    @property
    def report(self) -> Path:
        """The report of a finished training."""
        return self.path / "report.json"

    @property
    def test_pictures(self) -> Path:
        """The prediction for each test picture of a finished training."""
        return self.path / "test_pictures.parquet"

    @property
    def bundle(self) -> Path:
        """What a finished training leaves to predict with."""
        return self.path / "bundle"

    @property
    def model(self) -> Path:
        """The trained Keras model."""
        return self.path / "model.keras"

    @property
    def result(self) -> Path:
        """What the job's runner returned, as JSON."""
        return self.path / "result.json"

    @property
    def result_before(self) -> Path:
        """The last attempt's result while the next one is prepared; who is killed meanwhile leaves it."""
        return self.path / _RESULT_BEFORE

    @property
    def log(self) -> Path:
        """What the worker process printed."""
        return self.path / "worker.log"

    @property
    def lock(self) -> Path:
        """Held by the worker for its whole life."""
        return self.path / "worker.lock"

    @property
    def heartbeat(self) -> Path:
        """Touched by the worker while it makes progress."""
        return self.path / "heartbeat"

    @property
    def stop_flag(self) -> Path:
        """Exists once somebody asked to stop."""
        return self.path / "stop"

    def read_meta(self) -> RunMeta:
        """The folder's own description.

        Raises:
            WorkspaceError: The file is missing or damaged.
        """
        try:
            return RunMeta.from_json(read_json(self.meta))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(self.meta) from error

    def write_meta(self, meta: RunMeta) -> None:
        """Replaces the folder's own description."""
        write_json(self.meta, meta.to_json())

    def read_config(self) -> dict[str, Any]:
        """The job's payload.

        Raises:
            WorkspaceError: The file is missing or damaged.
        """
        return self._read_document(self.config)

    def read_result(self) -> dict[str, Any]:
        """What the job's runner returned.

        Raises:
            RunError: The job has left no result.
            WorkspaceError: The file is damaged.
        """
        if not self.result.exists():
            raise RunError("This run has left no result", value=self.id, hint="Its state and log say why.")
        return self._read_document(self.result)

    def read_log(self, characters: int) -> str:
        """The end of what the worker printed; "" when it printed nothing."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - characters))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def request_stop(self) -> None:
        """Asks the worker to stop; it looks a few times a second."""
        self.stop_flag.touch()

    def prepare_again(self) -> None:
        """Clears what the last attempt left that would confuse the next one; its events are kept as `events-N.jsonl`.

        Checkpoints stay: they are what a resumed training starts from.
        """
        with self.prepared_again():
            pass

    @contextmanager
    def prepared_again(self) -> Iterator[None]:
        """Does what `prepare_again` does; when the block raises, events and result are back where they were.

        Raises:
            OSError: The disk can't be written; events and result are as they were.
        """
        number = 1 + sum(1 for _ in self.path.glob("events-*.jsonl"))
        aside = self.result_before
        moved: list[tuple[Path, Path]] = []
        try:
            for here, away in ((self.events, self.path / f"events-{number}.jsonl"), (self.result, aside)):
                if here.exists():
                    here.replace(away)
                    moved.append((here, away))
            for leftover in (self.stop_flag, self.heartbeat):
                leftover.unlink(missing_ok=True)
            yield
        except BaseException:
            for here, away in moved:
                away.replace(here)
            raise
        aside.unlink(missing_ok=True)

    def _read_document(self, path: Path) -> dict[str, Any]:
        try:
            document = read_json(path)
        except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise _damaged(path) from error
        if not isinstance(document, dict):
            raise _damaged(path)
        return document


def _damaged(path: Path) -> WorkspaceError:
    return WorkspaceError(
        f"The file {path.name} of a run is missing or damaged",
        value=path,
        hint="Delete the run, or bring the file back from a copy.",
    )
