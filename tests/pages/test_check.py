"""The check of a dataset as pages tell it."""

from __future__ import annotations

from pages.widgets.draft import load_design
from pages.widgets.shell import use_dataset
from tests.pages.app_pages import open_page, text_of
from tests.pages.made_checks import COPIES, WRONG_CLASS, write_check
from tlcore.data.catalog import find_dataset, open_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.data.edits import exclude
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace


def test_what_was_never_checked_is_checked_by_a_click(home: Workspace, pets: DatasetInfo) -> None:
    app = open_page("data", dataset=pets.id, tab="check")
    assert "were not checked yet" in text_of(app)

    app.button(key="check-start").click().run()

    (job,) = Registry(home).list("audit")
    assert job.dataset == pets.id
    assert "Check pets" in text_of(app)
    assert "were not checked yet" not in text_of(app)


def test_findings_are_told_with_their_cost_and_mended_by_one_click(home: Workspace, pets: DatasetInfo) -> None:
    write_check(home, pets, WRONG_CLASS, COPIES)
    app = open_page("data", dataset=pets.id, tab="check")
    said = text_of(app)
    assert said.index(WRONG_CLASS.title) < said.index(COPIES.title)
    assert COPIES.cost in said
    assert "04 May 2026, 03:02 UTC" in said

    app.button(key="check-fix-exact_copies").click().run()

    assert find_dataset(home, pets.id).excluded == 2
    assert COPIES.title not in text_of(app)
    assert "changed since" in text_of(app)

    app.button(key="change-undo").click().run()

    assert find_dataset(home, pets.id).excluded == 0
    assert COPIES.title in text_of(app)


def test_a_single_case_is_mended_by_itself(home: Workspace, pets: DatasetInfo) -> None:
    write_check(home, pets, COPIES)
    app = open_page("data", dataset=pets.id, tab="check")
    app.button(key="check-item-exact_copies-cat/000.jpg").click().run()

    assert find_dataset(home, pets.id).excluded == 1
    assert "1 exact copy" in text_of(app)


def test_what_is_right_as_it_is_is_not_told_again_until_asked(home: Workspace, pets: DatasetInfo) -> None:
    write_check(home, pets, WRONG_CLASS)
    app = open_page("data", dataset=pets.id, tab="check")
    app.button(key="check-right-label-cat/005.jpg").click().run()
    assert find_dataset(home, pets.id).counts == {"cat": 12, "coffee": 12}
    assert WRONG_CLASS.title not in text_of(app)
    assert "1 case was called right" in text_of(app)

    app.button(key="check-recall").click().run()

    assert WRONG_CLASS.title in text_of(app)


def test_a_wrong_class_is_moved_and_moved_back(home: Workspace, pets: DatasetInfo) -> None:
    write_check(home, pets, WRONG_CLASS)
    app = open_page("data", dataset=pets.id, tab="check")
    app.button(key="check-item-label-cat/005.jpg").click().run()
    assert find_dataset(home, pets.id).counts == {"cat": 11, "coffee": 13}

    app.button(key="change-undo").click().run()

    assert find_dataset(home, pets.id).counts == {"cat": 12, "coffee": 12}


def test_what_is_left_out_is_told_by_reason_and_put_back(home: Workspace, pets: DatasetInfo) -> None:
    exclude(home, pets.id, ["cat/002.jpg", "cat/003.jpg"], "blurred")
    app = open_page("data", dataset=pets.id, tab="check")
    assert "**2** blurred" in text_of(app)

    app.button(key="check-back-0").click().run()

    assert find_dataset(home, pets.id).excluded == 0


def test_the_gallery_shows_a_problem_on_request(home: Workspace, pets: DatasetInfo) -> None:
    write_check(home, pets, COPIES)
    app = open_page("data", dataset=pets.id, tab="check")
    app.button(key="check-gallery-exact_copies").click().run()

    assert app.session_state["data-tab"] == "Gallery"
    assert "1 to 4 of 4 pictures" in text_of(app)


def test_imbalance_changes_the_design_and_no_picture(home: Workspace, pets: DatasetInfo) -> None:
    exclude(home, pets.id, [key for key in open_dataset(home, pets.id).keys if "cat/" in key][:10], "to be few")
    app_info = find_dataset(home, pets.id)
    write_check(home, app_info)
    app = open_page("data", dataset=pets.id, tab="check")
    fixes = [button for button in app.button if button.key == "check-fix-imbalance"]
    assert len(fixes) == 1

    fixes[0].click().run()

    assert load_design(home).options["class_weights"] == "balanced"
    assert find_dataset(home, pets.id) == app_info
    assert "weighs the classes equally" in text_of(app)


def test_nothing_wrong_is_said_too(home: Workspace, pets: DatasetInfo) -> None:
    write_check(home, pets)

    assert "Nothing is wrong" in text_of(open_page("data", dataset=pets.id, tab="check"))


def test_a_failed_check_says_why_and_can_be_repeated(home: Workspace, pets: DatasetInfo) -> None:
    app = open_page("data", dataset=pets.id, tab="check")
    app.button(key="check-start").click().run()
    registry = Registry(home)
    job = registry.list("audit")[0].id
    registry.move(job, State.RUNNING, pid=1)
    registry.move(job, State.FAILED, error="The disk is full")

    app.run()

    assert "The disk is full" in text_of(app)
    assert any(button.key == "check-start" for button in app.button)


def test_the_model_page_tells_of_serious_findings_only(home: Workspace, pets: DatasetInfo) -> None:
    use_dataset(pets.id)
    write_check(home, pets, COPIES)
    assert "exact copies" not in text_of(open_page("model"))

    write_check(home, pets, WRONG_CLASS)
    assert WRONG_CLASS.title in text_of(open_page("model"))


def test_the_model_page_tells_that_the_check_is_at_work(home: Workspace, pets: DatasetInfo) -> None:
    use_dataset(pets.id)
    app = open_page("data", dataset=pets.id, tab="check")
    app.button(key="check-start").click().run()

    assert "still being checked" in text_of(open_page("model"))
