import json

import pytest
from click.testing import CliRunner

from tlcore.cli.runs import runs
from tlcore.files import write_json
from tlcore.jobs import service
from tlcore.workspace import Workspace


def test_a_queued_run_tells_its_place_and_how_long_it_waits(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ensure_supervisor", lambda _: None)
    first, second = (service.submit(workspace, "train", {"seed": 1}, "Mine") for _ in range(2))
    write_json(workspace.runs / first / "foretold.json", {"seconds": 90.0})

    shown = json.loads(CliRunner().invoke(runs, ["show", second, "--json"], obj=workspace).stdout)
    assert shown["queue"] == {"position": 2, "seconds": 90.0}
    service.request_stop(workspace, second)
    shown = json.loads(CliRunner().invoke(runs, ["show", second, "--json"], obj=workspace).stdout)
    assert shown["queue"] is None
