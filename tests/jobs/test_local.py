from __future__ import annotations

from collections.abc import Callable

import pytest

from tlcore.errors import RunError
from tlcore.jobs import service
from tlcore.jobs.executor import Executor, WorkerEnd
from tlcore.jobs.local import LocalExecutor
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import take_lock
from tlcore.workspace import Workspace

pytestmark = pytest.mark.usefixtures("idle_queue")


@pytest.fixture
def executor(workspace: Workspace) -> Executor:
    return LocalExecutor(workspace)


@pytest.fixture
def job_id(workspace: Workspace) -> str:
    return service.submit(workspace, "prepare", {}, "A payload without a dataset")


def test_a_worker_is_seen_to_end_once(
    executor: Executor, job_id: str, until: Callable[[Callable[[], object]], None]
) -> None:
    ends: list[WorkerEnd] = []
    executor.submit(job_id)
    assert executor.working() == {job_id}
    until(lambda: ends.extend(executor.poll()) or ends)
    assert ends == [WorkerEnd(job_id, 1)]
    assert executor.poll() == ()
    assert executor.working() == frozenset()


def test_a_worker_taken_over_ends_with_its_lock(workspace: Workspace, executor: Executor, job_id: str) -> None:
    lock = take_lock(RunFolder.find(workspace, job_id).lock)
    assert lock is not None
    executor.recover([job_id])
    assert executor.poll() == ()
    lock.release()
    assert executor.poll() == (WorkerEnd(job_id, None),)


def test_what_has_no_folder_is_not_started(executor: Executor) -> None:
    with pytest.raises(RunError, match="a1"):
        executor.submit("a1")
    assert executor.working() == frozenset()


def test_any_process_may_ask_for_a_stop(workspace: Workspace, job_id: str) -> None:
    LocalExecutor(workspace).stop(job_id)
    assert RunFolder.find(workspace, job_id).stop_flag.exists()
