"""The app process opens every page, and predicts, without ever loading a framework."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import FinishedRun

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
app = open_page("predict", run=run)
app.button(key="predict-ask").click().run()
answered = "it truly is" in text_of(app)
heavy = {"tensorflow", "keras", "torch", "sklearn", "skimage", "scipy", "tensorflow_datasets", "kagglehub", "cleanlab"}
print(json.dumps({"said": said, "answered": answered, "heavy": sorted(heavy & set(sys.modules))}))
"""


def test_no_page_loads_a_framework(finished_run: FinishedRun) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPEN_EVERY_PAGE, finished_run.run_id],
        cwd=ROOT,
        env=os.environ | {"TLCORE_HOME": str(finished_run.workspace.root), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(told["said"]) == 8 + 4
    assert all(told["said"].values()), "a page says nothing"
    assert told["answered"]
    assert told["heavy"] == []
