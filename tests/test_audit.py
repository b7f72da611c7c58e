"""The audit of the packages fails for what can be mended, and for nothing that nobody here can do anything about."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PLACE = Path(__file__).parents[1] / ".ci" / "audit.py"


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = spec_from_file_location("audit", PLACE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "audit", module)  # dataclasses look there
        spec.loader.exec_module(module)
    return module


def found(*holes: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": [{"name": "web", "version": "1.0", "vulns": list(holes)}, {"name": "x", "skip_reason": ""}]}


HOLE = {"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["1.1"]}


def test_what_a_newer_version_mends_fails(audit: ModuleType) -> None:
    judged = audit.judge(found(HOLE), {})
    assert judged.fails
    assert judged.lines == ("web 1.0: PYSEC-1 CVE-2026-1: mended in 1.1",)


def test_what_nobody_has_mended_is_told(audit: ModuleType) -> None:
    judged = audit.judge(found(HOLE | {"fix_versions": []}), {})
    assert not judged.fails
    assert "nobody has mended it yet" in judged.lines[0]


def test_what_is_ignored_has_a_reason(audit: ModuleType) -> None:
    known = audit.ignored("# comment\nCVE-2026-1 only its server part, which is not started\n")
    judged = audit.judge(found(HOLE, HOLE | {"id": "PYSEC-2", "aliases": []}), known)
    assert judged.fails  # for the other one
    assert "ignored: only its server part" in judged.lines[0]
    with pytest.raises(SystemExit, match="CVE-2026-2 has no reason"):
        audit.ignored("CVE-2026-2\n")


def test_no_holes_is_said_too(audit: ModuleType) -> None:
    assert audit.judge(found(), {}).lines == ("audit: no known vulnerability",)


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("raise ConnectionError('no way there')", 0, "can't be reached"),
        ("import time; time.sleep(60)", 0, "no answer within"),
        ("raise KeyError('broken')", 1, "pip-audit failed"),
        (f"print({json.dumps(json.dumps(found(HOLE)))})", 1, "mended in 1.1"),
        (f"print({json.dumps(json.dumps(found()))})", 0, "no known vulnerability"),
    ],
)
def test_only_a_service_that_is_out_of_reach_is_forgiven(
    audit: ModuleType, script: str, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = "1" if "sleep" in script else "60"
    assert audit.main(["--limit", limit], ("-c", script)) == status
    assert said in capsys.readouterr().out


def test_the_whole_check_runs_it(audit: ModuleType) -> None:
    assert ".ci/audit.py" in PLACE.with_name("run").read_text()
    audit.ignored(audit.IGNORED.read_text())
