"""What later pages need is loaded in the background, once; a library that is missing stops nothing."""

from __future__ import annotations

import gc
import logging
import sys

import pytest

from pages.widgets import warming


def test_libraries_are_loaded_once_and_set_aside() -> None:
    warming.warm_up.clear()  # another test of this process may have opened the app
    gc.unfreeze()
    thread = warming.warm_up()
    thread.join(300)
    assert not thread.is_alive()
    assert set(warming.LATER) <= set(sys.modules)
    assert gc.get_freeze_count() > 10_000
    assert warming.warm_up() is thread


def test_a_missing_library_is_noted_and_the_others_are_loaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(warming, "LATER", ("no_such_library", "pandas"))
    monkeypatch.setattr(warming, "HEAD_START", 0.0)
    with caplog.at_level(logging.WARNING):
        warming.load()
    assert "no_such_library" in caplog.text
    assert "pandas" in sys.modules
