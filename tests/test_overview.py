"""What whoever looks after an app is told of its queue, processes and folders."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlcore.config import RunConfig
from tlcore.jobs import service
from tlcore.members import new_session_key, session_workspace
from tlcore.modes import MODE_VARIABLE
from tlcore.overview import folder_sizes, overview, queue_of_all
from tlcore.processes import memory_of, own_processes
from tlcore.workspace import HOME_VARIABLE, HOST_VARIABLE, Workspace

_SLEEP = "import time; print(flush=True); time.sleep(600)"


def submitted(workspace: Workspace, title: str) -> str:
    config = RunConfig.build(dataset="sample/textures", image_size=64, epochs=1)
    return service.submit(workspace, "train", config.to_json(), title, config.dataset)


def test_the_queue_of_all_names_whose_each_job_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "ensure_supervisor", lambda _: None)
    app = Workspace.open(tmp_path / "app", {MODE_VARIABLE: "demo"})
    places = [session_workspace(app, new_session_key(), {}) for _ in range(2)]
    jobs = [submitted(place, f"Textures {number}") for number, place in enumerate(places)]
    submitted(Workspace.open(tmp_path / "elsewhere"), "not of this app")

    queue = list(queue_of_all(app))
    assert {job.record.id for job in queue} == set(jobs)
    assert {job.owner for job in queue} == {"A visitor"}
    assert all(job.wait is not None and job.wait.position >= 1 for job in queue)


def test_an_empty_workspace_has_an_overview(workspace: Workspace) -> None:
    (workspace.datasets / "note").write_bytes(b"12345")
    assert folder_sizes(workspace)["Datasets"] == 5
    told = overview(workspace)
    assert (told["queue"], told["failed"], told["errors"], told["repairs"]) == ([], [], [], [])
    assert told["workspace"]["format"] >= 2


def test_processes_of_this_app_are_found_and_of_no_other(tmp_path: Path) -> None:
    host = (tmp_path / "app").resolve()
    worker = [sys.executable, "-c", _SLEEP, "tlcore.jobs.worker", "20260101-000000-aaaa"]
    homes = {HOME_VARIABLE: str(host / "users" / "a"), HOST_VARIABLE: str(host)}
    started = [
        subprocess.Popen(worker, env=os.environ | homes, stdout=subprocess.PIPE),
        subprocess.Popen(worker, env=os.environ | {HOME_VARIABLE: str(tmp_path / "other")}, stdout=subprocess.PIPE),
        subprocess.Popen([sys.executable, "-c", _SLEEP], env=os.environ | homes, stdout=subprocess.PIPE),
    ]
    try:
        for process in started:  # until Python runs there, there is hardly any memory to be told
            assert process.stdout is not None
            process.stdout.readline()
        (found,) = [process for process in own_processes(host) if process.pid != os.getpid()]
        assert (found.role, found.job, found.pid) == ("worker", "20260101-000000-aaaa", started[0].pid)
        assert (found.memory_bytes or 0) > 500_000
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert memory_of(started[0].pid) is None
