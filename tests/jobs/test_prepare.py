from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlcore.data.catalog import open_dataset
from tlcore.jobs.service import read_error, read_result, request_stop, submit, wait
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace


@pytest.fixture
def squares(tfds_files: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset that TensorFlow Datasets prepared lies on this machine."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_files("tfrecord")))


def prepare(workspace: Workspace, **payload: Any) -> str:
    return submit(workspace, "prepare", payload, "Prepare", payload["dataset"])


def test_a_dataset_of_tfds_is_read_in_by_a_worker_and_checked(squares: None, workspace: Workspace) -> None:
    job = prepare(workspace, dataset="squares", split="ours", audit=True)
    assert wait(workspace, job, timeout=300).state is State.COMPLETED
    result = read_result(workspace, job)
    assert result["classes"] == {"cat": 12, "coffee": 12, "rocket": 12}
    assert len(result["rejected"]) == 3
    assert set(open_dataset(workspace, "squares").parts) == {None}
    assert [record.dataset for record in Registry(workspace).list("audit")] == ["squares"]
    assert Registry(workspace).get(result["audit"]).kind == "audit"


def test_a_sample_is_prepared_without_a_check(workspace: Workspace) -> None:
    job = prepare(workspace, dataset="sample/textures")
    assert wait(workspace, job, timeout=300).state is State.COMPLETED
    assert "audit" not in read_result(workspace, job)
    assert Registry(workspace).list("audit") == ()


def test_without_a_network_the_job_fails_with_an_offer(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    job = prepare(workspace, dataset="tf_flowers", audit=True)
    assert wait(workspace, job, timeout=300).state is State.FAILED
    error = read_error(workspace, job)
    assert "can't be reached" in str(error)
    assert "sample/digits" in error.hint


def test_a_queued_job_is_stopped_before_it_begins(idle_queue: None, squares: None, workspace: Workspace) -> None:
    job = prepare(workspace, dataset="squares")
    assert request_stop(workspace, job).state is State.STOPPED
    assert list(workspace.datasets.glob("tfds/*")) == []
