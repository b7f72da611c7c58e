from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from tlcore.errors import RunError
from tlcore.jobs.kinds import KINDS, SLOTS, find_kind
from tlcore.workspace import Workspace


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_names_a_module_and_a_slot(name: str) -> None:
    kind = find_kind(name)
    assert find_spec(kind.runner.partition(":")[0]) is not None
    assert kind.slot in SLOTS


def test_an_unknown_kind_lists_the_known() -> None:
    with pytest.raises(RunError, match="prepare"):
        find_kind("prepares")


def test_trainings_lie_apart_from_other_jobs(workspace: Workspace) -> None:
    assert find_kind("train").folder_parent(workspace) == workspace.runs
    assert find_kind("import").folder_parent(workspace) == workspace.jobs


def test_what_pages_import_is_light() -> None:
    heavy = {"tensorflow", "keras", "pandas", "numpy", "pydantic", "streamlit", "openvino"}
    code = "import sys, tlcore.jobs.service, tlcore.runs.view; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "tlcore.jobs.supervisor" in done.stdout.split()
    assert not heavy & set(done.stdout.split())
