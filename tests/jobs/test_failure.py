from __future__ import annotations

from tlcore.errors import ImportRefused, StudioError
from tlcore.jobs.failure import error_from


def test_an_error_comes_back_as_what_it_was() -> None:
    raised = ImportRefused("An archive has one class", value="leaves.zip", options=["two"], hint="Add a second folder.")
    back = error_from({"kind": "ended", "details": raised.to_json()}, str(raised))
    assert type(back) is ImportRefused
    assert str(back) == str(raised)
    assert back.exit_status == 2


def test_without_details_the_text_is_kept() -> None:
    for event in (None, {"kind": "ended", "details": None}):
        back = error_from(event, "The process was killed")
        assert type(back) is StudioError
        assert back.exit_status == 1
        assert "killed" in str(back)


def test_a_kind_of_another_version_is_still_an_error() -> None:
    details = StudioError("odd").to_json() | {"kind": "FromTheFuture"}
    assert str(error_from({"kind": "ended", "details": details}, "odd")) == "odd."
