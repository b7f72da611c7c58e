"""What all tests of pages share: they are opened through the router, as in a running app."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager


@pytest.fixture(autouse=True)
def through_the_router(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs `streamlit_app.py` for every page.

    A running app does that once it has called `st.navigation`. `AppTest` forgets it before each run, and then, because
    there is a folder `pages/`, runs the page's file alone.
    """
    make = PagesManager.__init__

    def make_routed(self: PagesManager, *arguments: Any, **options: Any) -> None:
        PagesManager.uses_pages_directory = False
        make(self, *arguments, **options)

    monkeypatch.setattr(PagesManager, "__init__", make_routed)
