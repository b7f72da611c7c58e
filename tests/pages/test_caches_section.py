"""The System page's section about caches."""

from __future__ import annotations

from dataclasses import replace

from tests.caches.made_rows import Maker, made_hashes, made_recipe
from tests.pages.app_pages import open_page, text_of
from tests.pages.made_runs import add_run
from tests.training.standings import keep, stood
from tlcore.caches import fill, open_cache
from tlcore.caches.budget import list_items
from tlcore.config import PhaseName
from tlcore.progress import Silence
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.states import State
from tlcore.workspace import Workspace

HASHES = made_hashes(60)
_WHEN = "Last used (UTC)"


def fill_both(home: Workspace) -> None:
    for recipe in (made_recipe("images"), made_recipe("features")):
        with open_cache(home, recipe) as cache:
            fill(home, [cache], HASHES, Maker([recipe], HASHES), Silence())


def test_empty_caches_say_who_fills_them(home: Workspace) -> None:
    app = open_page("system")
    assert "the first training fills them" in text_of(app)
    assert not [button for button in app.button if str(button.key).startswith("caches-")]


def test_one_kind_is_cleared_after_a_question_that_says_what_it_costs(home: Workspace) -> None:
    fill_both(home)
    app = open_page("system")
    assert {metric.label: metric.delta for metric in app.metric}["Caches"] == "of at most 20.0 GB"
    app.button(key="caches-images").click().run()
    assert "decodes its pictures again" in text_of(app)
    assert "Your pictures, trainings and models stay" in text_of(app)
    assert len(list_items(home)) == 2  # nothing happens before the answer

    app.button(key="caches-yes").click().run()
    assert [item.kind for item in list_items(home)] == ["features"]
    assert "186 kB are free again" in text_of(app)
    app.run()
    assert "free again" not in text_of(app)


def test_what_a_training_uses_can_not_be_cleared(home: Workspace) -> None:
    fill_both(home)
    with open_cache(home, made_recipe("features")):
        app = open_page("system")
        assert app.button(key="caches-features").disabled
        assert "in use" in next(table.value for table in app.dataframe if "Details" in table.value)[_WHEN].tolist()
        assert not app.button(key="caches-images").disabled
    assert not open_page("system").button(key="caches-features").disabled


def test_keeping_keeps(home: Workspace) -> None:
    fill_both(home)
    app = open_page("system")
    app.button(key="caches-features").click().run()
    app.button(key="caches-no").click().run()
    assert len(list_items(home)) == 2
    assert "free again" not in text_of(app)


def test_rows_stand_by_kind_and_copies_in_their_order(home: Workspace) -> None:
    for kind, title in (
        ("features", "Lite0, 224 px, changed copy 10"),
        ("features", "Lite0, 224 px, changed copy 9"),
        ("images", "224 px"),
        ("features", "Lite0, 224 px"),
    ):
        recipe = replace(made_recipe(kind), title=title, parts=(("title", title),))
        with open_cache(home, recipe) as cache:
            fill(home, [cache], HASHES, Maker([recipe], HASHES), Silence())

    table = next(table.value for table in open_page("system").dataframe if "Details" in table.value)

    assert table["Details"].tolist() == [
        "224 px",
        "Lite0, 224 px",
        "Lite0, 224 px, changed copy 9",
        "Lite0, 224 px, changed copy 10",
    ]


def test_checkpoints_are_told_by_their_run_and_what_clearing_them_costs(home: Workspace) -> None:
    for run_id, state in (("r1", State.COMPLETED), ("r2", State.FAILED)):
        add_run(home, run_id, state=state)
        folder = RunFolder.find(home, run_id)
        keep(folder.checkpoints, stood((PhaseName.FROZEN, 3)))
        with EventWriter(folder.events) as events:
            events.write("ended", state=state.value, error=None)
    app = open_page("system")
    table = next(table.value for table in app.dataframe if "Details" in table.value)
    assert [title.endswith(f"({run_id})") for title, run_id in zip(table["Details"], ("r1", "r2"), strict=True)] == [
        True,
        True,
    ]
    app.button(key="caches-checkpoints").click().run()
    assert "can't learn for longer any more" in text_of(app)
    assert "were interrupted or failed is kept" in text_of(app)
    app.button(key="caches-yes").click().run()
    assert [item.title[-4:] for item in list_items(home)] == ["(r2)"]
    app = open_page("system")
    assert app.button(key="caches-checkpoints").disabled
    assert "were interrupted or failed stays" in app.button(key="caches-checkpoints").help
