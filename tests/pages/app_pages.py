"""Opening pages of the app in a test's workspace, without a browser."""

from __future__ import annotations

import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.processes import end_processes_of
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.service import wait
from tlcore.runs.record import JobRecord
from tlcore.workspace import Workspace

ROOT = Path(__file__).parents[2]


def open_page(page: str, **query: str) -> AppTest:
    """That page of the app as somebody opens it by its address; the workspace is `$TLCORE_HOME`."""
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(f"pages/{page}.py").run()


def text_of(app: AppTest) -> str:
    """Everything that the page says."""
    assert not app.exception
    kinds = ("title", "subheader", "markdown", "caption", "info", "warning", "error", "success")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind)).replace("\\", "")


def work_off(workspace: Workspace, job: str) -> JobRecord:
    """Lets a real worker do a queued job; returns how it ended."""
    executor = LocalExecutor(workspace)
    executor.submit(job)
    record = wait(workspace, job, timeout=300)
    while executor.working():
        executor.poll()
        time.sleep(0.01)
    end_processes_of(workspace.root)  # an import has the check begun, which would go on beside the next tests
    return record
