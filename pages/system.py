"""What the studio runs on, what it holds, what waits, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pages.widgets.caches import show_caches
from pages.widgets.failures import show_failed_jobs
from pages.widgets.later import in_view
from pages.widgets.machine import show_devices, show_disk, show_limits, show_versions
from pages.widgets.operating import show_diagnostics, show_errors, show_processes, show_repairs
from pages.widgets.queue import show_own_queue, show_queue_of_all
from pages.widgets.shell import guarded, is_operator, page_header

Sections = tuple[Callable[[], None], ...]

_FIRST: Final[Sections] = (show_devices, show_disk, show_caches)
_OWN: Final[Sections] = (
    show_own_queue,
    show_failed_jobs,
    show_versions,
    show_limits,
)
_OPERATORS: Final[Sections] = (
    show_processes,
    show_queue_of_all,
    show_failed_jobs,
    show_errors,
    show_repairs,
    show_diagnostics,
    show_versions,
    show_limits,
)


def show_page() -> None:
    """All sections, those about everybody for operators only; one that fails doesn't take the others with it."""
    page_header("System", "See what this computer offers, what is at work, and what went wrong.")
    show_sections(_FIRST)
    if in_view("system-rest-later", 900):
        sections: Sections = _OWN
        with guarded():
            sections = _OPERATORS if is_operator() else _OWN
        show_sections(sections)


def show_sections(sections: Sections) -> None:
    """Draws each on its own."""
    for section in sections:
        with guarded():
            section()


show_page()
