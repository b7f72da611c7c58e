"""Trainings whose workers are killed at random moments and that go on, against the undisturbed training."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

import pytest

from tests.faults.driving import PATIENCE_SECONDS, Killed, attempts, left_half_made, run_killed
from tests.faults.faults import Case, Moment, draw, read_moments
from tlcore.config import RunConfig
from tlcore.data.samples import prepare_sample
from tlcore.data.stored import StoredDataset, dataset_folder
from tlcore.evaluation.report import Report
from tlcore.files import read_json
from tlcore.images.decode import load_picture
from tlcore.jobs import service
from tlcore.jobs.preflight import preflight
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.serving.predictor import Prediction, Predictor
from tlcore.workspace import Workspace

SAMPLE = "sample/textures"
CONFIG = RunConfig.build(
    dataset=SAMPLE,
    mode="finetune",
    image_size=64,
    epochs=4,
    fine_tune_epochs=3,
    batch_size=16,
    learning_rate=1.5e-4,
    fine_tune_learning_rate=2e-5,
    seed=5,
    split={"train": 60, "validation": 20, "test": 20, "fraction": 0.4},
)
SAME_ACCURACY = 0.01
AT_ONCE = 2


@dataclass(frozen=True)
class Trained:
    """What a training left."""

    workspace: Workspace
    record: JobRecord
    moments: dict[str, Moment]
    killed: list[Killed]

    @property
    def folder(self) -> RunFolder:
        return RunFolder.find(self.workspace, self.record.id)

    @property
    def report(self) -> Report:
        return Report.model_validate(read_json(self.folder.report))

    def predicts(self) -> Prediction:
        pictures = StoredDataset.open(dataset_folder(self.workspace, SAMPLE))
        limits = self.workspace.limits
        predictor = Predictor.open(self.workspace, self.record.id, lambda data, side: load_picture(data, side, limits))
        return predictor.predict("one", pictures.read(0))

    def shown_batches(self) -> list[tuple[str, int, int]]:
        rows = RunView.open(self.workspace, self.record.id).batches
        return [(row["phase"], row["epoch"], row["batch"]) for row in rows]

    def files(self) -> list[str]:
        """What lies in the run's folder, besides the events of earlier attempts."""
        root = self.folder.path
        names = (str(path.relative_to(root)) for path in root.rglob("*"))
        return sorted(name for name in names if not name.startswith("events-"))


def submit(workspace: Workspace) -> str:
    config = preflight(workspace, CONFIG).config
    return service.submit(workspace, "train", config.to_json(), "Textures", config.dataset)


@pytest.fixture(scope="module")
def undisturbed(place: Callable[[str], Workspace]) -> Trained:
    workspace = place("undisturbed")
    prepare_sample(workspace, SAMPLE)
    workspace.root.with_name("moments.txt").touch()
    record = service.wait(workspace, submit(workspace), timeout=PATIENCE_SECONDS)
    assert record.state is State.COMPLETED, record.error
    return Trained(workspace, record, {}, [])


@pytest.fixture(scope="module")
def trained(
    request: pytest.FixtureRequest, seed: int, place: Callable[[str], Workspace], undisturbed: Trained
) -> Iterator[Callable[[Case], Trained]]:
    """The killed trainings, a few of them at once: most of their time they load TensorFlow."""
    here = (item for item in request.session.items if item.path == request.path and hasattr(item, "callspec"))
    wanted = [item.callspec.params["training_case"] for item in here]

    def train(case: Case) -> Trained:
        workspace = place(str(case))
        shutil.copytree(undisturbed.workspace.datasets, workspace.datasets, dirs_exist_ok=True)
        if case.kills[0].kind != "extraction":  # what was prepared for one training serves the next
            shutil.copytree(undisturbed.workspace.cache, workspace.cache, dirs_exist_ok=True)
        dice = Random(f"{seed} {case}")  # noqa: S311 - which moments are tried
        steps = read_moments(undisturbed.workspace.root)
        kills = [(kill, draw(kill, steps, dice)) for kill in case.kills]
        kills[0][1].lay(workspace.root)
        record, killed = run_killed(workspace, submit(workspace), kills)
        return Trained(workspace, record, {kill.kind: moment for kill, moment in kills}, killed)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures: dict[Case, Future[Trained]] = {case: pool.submit(train, case) for case in wanted}
        yield lambda case: futures[case].result()
        pool.shutdown(cancel_futures=True)


def told_epochs(events: tuple[dict[str, Any], ...]) -> list[tuple[str, int]]:
    return [(event["phase"], event["epoch"]) for event in events if event["kind"] == "epoch"]


def repeated(folder: RunFolder) -> int:
    """The most epochs that an attempt learned once more though they had been told as done."""
    known: set[tuple[str, int]] = set()
    most = 0
    for events in attempts(folder):
        learned = {(event["phase"], event["epoch"]) for event in events if event["kind"] == "batch"}
        most = max(most, len(learned & known))
        known |= set(told_epochs(events))
    return most


def test_a_killed_training_ends_where_the_undisturbed_one_does(
    training_case: Case,
    seed: int,
    trained: Callable[[Case], Trained],
    undisturbed: Trained,
    record_property: Callable[[str, object], None],
) -> None:
    run = trained(training_case)
    what = f"seed {seed}, killed at {run.moments}"
    assert run.record.state is State.COMPLETED, f"{what}: {run.record.error}"
    assert len(run.killed) == len(training_case.kills)
    ours, theirs = run.report, undisturbed.report
    difference, loss = abs(ours.test.accuracy - theirs.test.accuracy), abs(ours.test.loss - theirs.test.loss)
    record_property("faults", [asdict(one) | {"accuracy": difference, "loss": loss} for one in run.killed])
    assert difference <= SAME_ACCURACY, what
    # The history has neither gap nor repeat, and the last attempt's events tell all of it.
    epochs = [(row.phase.value, row.epoch) for row in theirs.history]
    assert epochs == [("frozen", n) for n in range(1, 5)] + [("fine_tune", n) for n in range(1, 4)]
    assert [(row.phase.value, row.epoch) for row in ours.history] == epochs, what
    assert told_epochs(attempts(run.folder)[-1]) == epochs, what
    # Pages show each batch once, and the time is that of all attempts.
    assert run.shown_batches() == undisturbed.shown_batches(), what
    learned = sum(row.seconds for row in ours.history)
    assert learned < ours.seconds.train < ours.seconds.total, what
    assert [row.val_loss for row in ours.history] == pytest.approx([row.val_loss for row in theirs.history], abs=0.01)
    # An epoch that is told and not yet kept when the kill comes is learned once more, and no other.
    assert repeated(run.folder) <= 1, what
    assert set(ours.to_json()) == set(theirs.to_json()), what
    assert ours.dataset == theirs.dataset, what
    mine, yours = run.predicts(), undisturbed.predicts()
    assert mine.label == yours.label, what
    assert mine.probabilities == pytest.approx(yours.probabilities, abs=0.01), what
    assert left_half_made(run.workspace) == [], what
    assert run.files() == undisturbed.files(), what


def test_the_undisturbed_training_has_something_to_lose(undisturbed: Trained) -> None:
    assert 0.5 < undisturbed.report.test.accuracy < 1.0
