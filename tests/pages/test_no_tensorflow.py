"""The app process opens every page, and predicts, without ever loading a framework."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import FinishedRun
from tests.pages.made_checks import COPIES, write_check
from tlcore.audit.files import audit_folder
from tlcore.data.catalog import find_dataset

ROOT = Path(__file__).parents[2]

OPEN_EVERY_PAGE = """
import json, sys
from tests.pages.app_pages import ROOT, open_page, text_of

run = sys.argv[1]
said = {}
for path in sorted((ROOT / "pages").glob("*.py")):
    said[path.stem] = len(text_of(open_page(path.stem, run=run) if path.stem != "data" else open_page("data")))
for way in ({"source": "catalogue"}, {"new": "zip"}, {"new": "kaggle"}, {"new": "empty"}):
    said[str(way)] = len(text_of(open_page("data", **way)))
for tab in ("gallery", "balance", "shape", "map", "check", "edit", "about"):
    said[tab] = len(text_of(open_page("data", dataset="sample/textures", tab=tab)))
app = open_page("predict", run=run)
app.button(key="predict-ask").click().run()
answered = "it truly is" in text_of(app)
heavy = {"tensorflow", "keras", "torch", "sklearn", "skimage", "scipy", "tensorflow_datasets", "kagglehub", "cleanlab"}
print(json.dumps({"said": said, "answered": answered, "heavy": sorted(heavy & set(sys.modules))}))
"""


def test_no_page_loads_a_framework(finished_run: FinishedRun) -> None:
    workspace = finished_run.workspace
    write_check(workspace, find_dataset(workspace, "sample/textures"), COPIES)
    try:
        done = subprocess.run(
            [sys.executable, "-c", OPEN_EVERY_PAGE, finished_run.run_id],
            cwd=ROOT,
            env=os.environ | {"TLCORE_HOME": str(workspace.root), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
    finally:
        shutil.rmtree(audit_folder(workspace, "sample/textures"))

    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(told["said"]) == 8 + 4 + 7
    assert all(told["said"].values()), "a page says nothing"
    assert told["answered"]
    assert told["heavy"] == []
