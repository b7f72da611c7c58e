"""Several workspaces of one host: real workers with a stand-in training, started in turn, some of them killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from tlcore.files import read_json
from tlcore.jobs import service, tickets
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.slots import take_slot
from tlcore.jobs.supervisor import Supervisor
from tlcore.jobs.tickets import LOCK_NAME, ticket_path
from tlcore.jobs.turns import AloneTurns, SharedTurns, turns_of
from tlcore.jobs.waiting import Wait, wait_of
from tlcore.locks import is_held, take_lock
from tlcore.runs.events import last_event
from tlcore.runs.folder import RunFolder
from tlcore.runs.identity import utc_now
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import HOST_VARIABLE, Workspace

ROOT = Path(__file__).parents[2]
Until = Callable[[Callable[[], object]], None]

# Notes who begins and who ends in one file; a file of a person's name keeps that person's training at work.
TRAINING = """
home = context.workspace.root
with open(home.parent / "diary", "a") as diary:
    diary.write("+" + home.name)
while (home / "go-on").exists() and not context.reporter.stop_requested():
    __import__("time").sleep(0.01)
with open(home.parent / "diary", "a") as diary:
    diary.write("-")
return {}
"""


class People(Protocol):
    def __call__(self, name: str) -> Person: ...


class Person:
    """A workspace of the host, with the supervisor that its process would have."""

    def __init__(self, host: Path, name: str) -> None:
        self.workspace = Workspace.open(host / name, {HOST_VARIABLE: str(host)})
        self.executors: list[LocalExecutor] = []
        self.serve()

    def serve(self) -> None:
        """What a new supervisor does first."""
        self.lock = take_lock(self.workspace.root / LOCK_NAME)
        assert self.lock is not None
        self.executors.append(LocalExecutor(self.workspace))
        self.supervisor = Supervisor(self.workspace, self.executors[-1])
        self.supervisor.recover()

    def vanish(self) -> None:
        """What is left of a supervisor that was killed: nothing."""
        assert self.lock is not None
        self.lock.release()
        del self.supervisor

    def train(self, kind: str = "train") -> str:
        return service.submit(self.workspace, kind, {}, "A secret title")

    def keep_at_work(self) -> None:
        (self.workspace.root / "go-on").touch()

    def let_end(self) -> None:
        (self.workspace.root / "go-on").unlink()

    def state(self, job_id: str) -> State:
        return Registry(self.workspace).get(job_id).state

    def worker(self, job_id: str) -> psutil.Process:
        return psutil.Process(Registry(self.workspace).get(job_id).pid)


@pytest.fixture
def host(workspace: Workspace) -> Path:
    """Processes in it end with the test."""
    return workspace.root


@pytest.fixture
def person(
    host: Path, idle_queue: None, instead_of_training: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[People]:
    instead_of_training(TRAINING)
    monkeypatch.setattr("tlcore.jobs.turns._RETRY_SECONDS", 0.0)
    made: list[Person] = []

    def make(name: str) -> Person:
        made.append(Person(host, name))
        return made[-1]

    yield make
    for child in [child for one in made for executor in one.executors for child in executor._children.values()]:
        child.kill()
        child.wait()


def diary(host: Path) -> str:
    path = host / "diary"
    return path.read_text() if path.exists() else ""


def step(*people: Person) -> bool:
    busy = [one.supervisor.step() for one in people]  # each of them, whatever the first says
    return any(busy)


def test_whoever_has_most_to_do_waits_for_the_others(host: Path, person: People, until: Until) -> None:
    ada, bob, cem = (person(name) for name in "abc")
    ada.keep_at_work()  # until all of them are there
    for one in (ada, ada, ada, bob, cem):
        one.train()
        step(one)
    ada.let_end()
    until(lambda: not step(cem, bob, ada))
    assert diary(host) == "+a-+b-+c-+a-+a-"


def test_a_light_job_does_not_wait_behind_trainings(person: People, until: Until) -> None:
    ada, bob = person("a"), person("b")
    ada.keep_at_work()
    training = ada.train()
    until(lambda: step(ada) and ada.state(training) is State.RUNNING)
    waiting = bob.train()
    light = bob.train("prepare")  # of no dataset: it fails, but it had its turn
    until(lambda: step(ada, bob) and bob.state(light).ended)
    assert bob.state(waiting) is State.QUEUED
    assert ada.state(training) is State.RUNNING


def test_what_a_killed_worker_held_is_free(host: Path, person: People, until: Until) -> None:
    ada, bob = person("a"), person("b")
    ada.keep_at_work()
    first = ada.train()
    until(lambda: step(ada) and "+a" in diary(host))
    second = bob.train()
    for _ in range(5):
        step(ada, bob)
    assert bob.state(second) is State.QUEUED
    assert take_slot(host, "train", 1) is None
    ada.worker(first).kill()
    until(lambda: not step(bob))
    assert bob.state(second) is State.COMPLETED


def test_a_worker_keeps_its_slot_when_its_supervisor_is_killed(host: Path, person: People, until: Until) -> None:
    ada, bob = person("a"), person("b")
    ada.keep_at_work()
    first, last = ada.train(), ada.train()
    step(ada)
    ada.vanish()  # before its worker has said a word
    second = bob.train()
    step(bob)
    assert bob.state(second) is State.QUEUED
    until(lambda: "+a" in diary(host))
    step(bob)
    assert bob.state(second) is State.QUEUED
    ada.serve()
    step(ada)
    ada.let_end()
    until(lambda: not step(ada, bob))
    assert diary(host) == "+a-+b-+a-"
    assert {ada.state(first), ada.state(last), bob.state(second)} == {State.COMPLETED}


def test_nobody_waits_for_the_ticket_of_the_dead_or_of_one_who_hangs(
    host: Path, person: People, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob, cem = (person(name) for name in "abc")
    for one in (ada, bob, cem):
        one.train()
        one.supervisor._turns.tell(Registry(one.workspace).unfinished(), ())
    step(cem)
    assert diary(host) == ""
    assert not is_held(host / "slots" / "train-0")
    ada.vanish()
    long_ago = time.time() - 2 * tickets.FRESH_SECONDS
    os.utime(ticket_path(bob.workspace, "train"), (long_ago, long_ago))
    until(lambda: not step(cem))
    assert diary(host) == "+c-"
    # Whoever comes back is served before those who came later.
    cem.train()
    bob.supervisor._turns = SharedTurns(bob.workspace)
    bob.supervisor._turns.tell(Registry(bob.workspace).unfinished(), ())
    step(cem)
    until(lambda: not step(bob, cem))
    assert diary(host) == "+c-+b-+c-"


def test_everybody_is_told_the_place_and_the_time_and_no_titles(
    host: Path, person: People, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([40.0, 30.0, 20.0, 10.0])
    monkeypatch.setattr("tlcore.jobs.foretold._foretell", lambda *_: next(times))
    monkeypatch.setattr("tlcore.config.RunConfig.from_json", lambda _: None)
    ada, bob = person("a"), person("b")
    ada.keep_at_work()
    at_work = ada.train()
    until(lambda: step(ada) and "+a" in diary(host))
    second, third = ada.train(), ada.train()
    step(ada)
    bobs = bob.train()
    step(bob)
    ada.supervisor._turns = SharedTurns(ada.workspace)  # says how its training stands now, not in five seconds
    step(ada)
    last = RunFolder.find(ada.workspace, at_work)
    assert last_event(last.events) is not None
    # Who has nothing at work goes first, though his training was queued last.
    now = utc_now()  # the same for all three, however long asking takes
    asked = ((bob, bobs), (ada, second), (ada, third))
    waits = [wait_of(one.workspace, job, clock=lambda: now) for one, job in asked]
    assert [wait.position for wait in waits if wait] == [1, 2, 3]
    seconds = [wait.seconds for wait in waits if wait and wait.seconds is not None]
    assert 0 <= seconds[0] <= 40
    assert seconds == pytest.approx([seconds[0], seconds[0] + 10, seconds[0] + 10 + 30])
    assert wait_of(ada.workspace, at_work) is None
    for path in (host / "turns").rglob("*.json"):
        assert "secret" not in path.read_text()
        assert at_work not in path.read_text()


def test_a_measurement_lets_every_training_go_first(host: Path, person: People, until: Until) -> None:
    ada, bob = person("a"), person("b")
    measurement = ada.train("calibrate")
    bob.train()
    bob.keep_at_work()
    bob.supervisor._turns.tell(Registry(bob.workspace).unfinished(), ())
    step(ada)
    assert not is_held(host / "slots" / "train-0")
    until(lambda: step(bob, ada) and "+b" in diary(host))
    step(ada)
    assert ada.state(measurement) is State.QUEUED
    assert not ada.executors[-1].working()


def test_a_workspace_that_is_gone_leaves_no_ticket(person: People) -> None:
    ada, bob = person("a"), person("b")
    ada.train()
    ada.supervisor._turns.tell(Registry(ada.workspace).unfinished(), ())
    path = ticket_path(ada.workspace, "train")
    assert read_json(path)["number"] == 1
    ada.vanish()
    ada.workspace.root.rename(ada.workspace.root.parent / "elsewhere")
    bob.train()
    step(bob)
    assert not path.exists()


def test_a_damaged_ticket_costs_a_place_and_nothing_else(person: People) -> None:
    ada = person("a")
    ada.train()
    turns = SharedTurns(ada.workspace)
    turns.tell(Registry(ada.workspace).unfinished(), ())
    ticket_path(ada.workspace, "train").write_text('{"root": 3')
    assert turns.take("train") is None
    turns = SharedTurns(ada.workspace)
    turns.tell(Registry(ada.workspace).unfinished(), ())
    held = turns.take("train")
    assert held is not None
    held.release()


def test_alone_there_is_nothing_to_wait_for(workspace: Workspace, idle_queue: None) -> None:
    turns = turns_of(workspace)
    assert isinstance(turns, AloneTurns)
    held = turns.take("train")
    assert held is not None
    assert held.inherited == ()
    job_id = service.submit(workspace, "prepare", {"dataset": "sample/digits"}, "Only one")
    assert wait_of(workspace, job_id) == Wait(1, 0.0)
    assert not (workspace.root / "slots").exists()
    assert not (workspace.root / "turns").exists()


def test_a_supervisor_is_light_since_every_workspace_has_one() -> None:
    loaded = "import sys, tlcore.jobs.supervisor; print({'numpy', 'pydantic', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
