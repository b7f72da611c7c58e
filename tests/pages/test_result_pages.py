"""The Model, Train, Results and Compare pages as the app draws them, without a browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages.widgets.stamps import Stamp
from tests.pages import app_pages
from tests.pages.made_runs import add_run, add_test_pictures
from tlcore.config import Mode, RunConfig
from tlcore.data.catalog import open_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.files import write_json
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(home: Workspace) -> OpenPage:
    """open_page("results", run="r1"): that page of the app in the test's workspace; nothing serves its queue."""
    return app_pages.open_page


@pytest.fixture
def pets(pets: DatasetInfo, workspace: Workspace) -> str:
    """A dataset of two classes with 12 photos each, in use."""
    write_json(workspace.drafts / "dataset.json", {"dataset": pets.id})
    return pets.id


def words(app: AppTest) -> str:
    """Everything that the page says."""
    assert not app.exception
    elements = [
        *app.title,
        *app.subheader,
        *app.markdown,
        *app.caption,
        *app.info,
        *app.warning,
        *app.error,
        *app.success,
    ]
    return "\n".join(str(element.value) for element in elements).replace("\\", "")


@pytest.mark.parametrize(
    ("page", "teaches"),
    [
        ("model", "A model learns from pictures"),
        ("train", "There is none yet"),
        ("results", "First train a model"),
        ("compare", "There is no finished run yet"),
    ],
)
def test_empty_pages_teach(open_page: OpenPage, page: str, teaches: str) -> None:
    assert teaches in words(open_page(page))


def test_results_say_the_figure_in_words(open_page: OpenPage, workspace: Workspace) -> None:
    add_run(workspace, "r1", stopped_early="Early stopping: no better val_loss in 3 epochs.")

    app = open_page("results", run="r1")

    text = words(app)
    assert "87 of 100 test pictures right" in text
    assert "Between 79 and 92 in 100 are likely on new ones" in text
    assert "Early stopping: no better val_loss" in text
    assert {metric.label: metric.value for metric in app.metric}["Before training"] == "51.0%"
    assert "test pictures of this run are missing" in text


@pytest.mark.parametrize(("below", "charts"), [(False, 2), (True, 4)])
def test_charts_of_the_history_are_drawn_when_they_come_into_view(
    open_page: OpenPage, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, below: bool, charts: int
) -> None:
    monkeypatch.setattr("pages.widgets.later.in_view", lambda key, _: below or key != "results-history-later")
    add_run(workspace, "r1")

    assert len(open_page("results", run="r1").get("plotly_chart")) == charts


@pytest.mark.parametrize("page", ["results", "train"])
def test_fine_tuning_that_ruined_a_model_is_told(open_page: OpenPage, workspace: Workspace, page: str) -> None:
    ruined = {"validation": {"loss": 2.0, "accuracy": 0.1}}
    add_run(workspace, "r1", mode=Mode.FINE_TUNE, validation=0.89, test=0.1, more=ruined)

    app = open_page(page, run="r1")

    assert "of the validation pictures 89% were named right before it, 10% after" in words(app)
    assert "try 1e-06 instead of 1e-05" in words(app)
    assert not app.success


def test_results_of_an_unknown_run_name_those_there_are(open_page: OpenPage, workspace: Workspace) -> None:
    add_run(workspace, "r1")

    text = words(open_page("results", run="gone"))

    assert "There is no run of this name" in text
    assert "r1" in text


def test_a_run_id_that_leaves_its_folder_is_refused(open_page: OpenPage) -> None:
    assert "There is no run of this name" in words(open_page("results", run="../../etc"))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[list[Stamp]]:
    """The grids of test pictures that were drawn, the newest last."""
    grids: list[list[Stamp]] = []
    monkeypatch.setattr("pages.widgets.test_grid.stamp_grid", lambda stamps, **_: grids.append(stamps))
    return grids


def test_wrong_answers_are_shown_first_and_filtered(
    open_page: OpenPage, workspace: Workspace, pets: str, drawn: list[list[Stamp]]
) -> None:
    dataset = open_dataset(workspace, pets)
    add_run(workspace, "r1", dataset=pets)
    add_test_pictures(workspace, "r1", list(dataset.keys), [int(label) for label in dataset.labels])

    app = open_page("results", run="r1")
    everything = drawn[-1]
    app.selectbox(key="grid-truth").select(0).run()
    cats = drawn[-1]

    assert [stamp.verdict for stamp in everything] == ["wrong"] * 12 + ["right"] * 12
    assert all("truly coffee" in stamp.note for stamp in everything[:12])
    assert [(stamp.name, stamp.verdict) for stamp in cats] == [("cat", "right")] * 12
    assert any(stamp.data for stamp in everything)


def test_small_copies_that_take_long_come_later(
    open_page: OpenPage, workspace: Workspace, pets: str, drawn: list[list[Stamp]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.widgets.test_grid._SECONDS", 0.0)
    dataset = open_dataset(workspace, pets)
    add_run(workspace, "r1", dataset=pets)
    add_test_pictures(workspace, "r1", list(dataset.keys), [int(label) for label in dataset.labels])
    app = open_page("results", run="r1")
    loaded = [sum(stamp.loaded for stamp in drawn[-1])]
    for _ in range(2):
        app.run()
        loaded.append(sum(stamp.loaded for stamp in drawn[-1]))
    assert 0 < loaded[0] < loaded[1] < loaded[2] <= 24


def test_pictures_that_are_gone_leave_their_answers(
    open_page: OpenPage, workspace: Workspace, pets: str, drawn: list[list[Stamp]]
) -> None:
    dataset = open_dataset(workspace, pets)
    add_run(workspace, "r1", dataset=pets)
    add_test_pictures(workspace, "r1", ["no/such.jpg", *dataset.keys[1:]], [int(label) for label in dataset.labels])
    open_page("results", run="r1")
    gone = [stamp for stamp in drawn[-1] if stamp.loaded and stamp.data is None]
    assert [(stamp.key, stamp.gone) for stamp in gone] == [("no/such.jpg", "removed or replaced since")]


def test_deleting_asks_first_and_names_what_is_lost(open_page: OpenPage, workspace: Workspace) -> None:
    add_run(workspace, "r1")
    app = open_page("results", run="r1")
    app.button(key="bin-r1").click().run()
    assert Registry(workspace).get("r1").archived
    app = open_page("results", run="r1")
    assert "This run lies in the bin" in words(app)

    app = app.button(key="delete-r1").click().run()
    asked = words(app)
    still_there = (workspace.runs / "r1").is_dir()
    app.button(key="delete-yes").click().run()

    assert "its model, its result, its history and its note" in asked
    assert still_there
    assert not (workspace.runs / "r1").exists()
    assert not Registry(workspace).list()


def test_a_failed_run_says_why_and_can_be_resumed(open_page: OpenPage, workspace: Workspace) -> None:
    add_run(workspace, "r1", state=State.FAILED, error="The loss became infinite.", with_report=False)

    app = open_page("train", run="r1")
    text = words(app)
    app.button(key="train-resume-r1").click().run()

    assert "The loss became infinite." in text
    assert '"Go on" tries the same once more' in text
    assert Registry(workspace).get("r1").state is State.QUEUED


def test_a_finished_run_has_its_result_in_one_line(open_page: OpenPage, workspace: Workspace) -> None:
    add_run(workspace, "r1")

    app = open_page("train", run="r1")

    assert "**87 of 100 test pictures right**; between 79 and 92 in 100" in words(app)
    assert not [button for button in app.button if str(button.key).startswith("train-stop")]


def test_a_waiting_run_can_be_stopped(open_page: OpenPage, workspace: Workspace) -> None:
    add_run(workspace, "r1", state=State.QUEUED, with_report=False)

    app = open_page("train")
    text = words(app)
    app.button(key="train-stop-r1").click().run()

    assert "Waiting for its turn" in text
    assert Registry(workspace).get("r1").state is State.STOPPED


def test_a_waiting_run_tells_its_place_and_when_its_turn_comes(open_page: OpenPage, workspace: Workspace) -> None:
    for number, name in enumerate(("r1", "r2", "r3")):
        add_run(workspace, name, state=State.QUEUED, with_report=False, minute=number)
    write_json(workspace.runs / "r1" / "foretold.json", {"seconds": 299})

    text = words(open_page("train", run="r2"))

    assert "1 before it, its turn comes in about 5 min" in text
    assert "waiting, number 2 in the queue, its turn comes in about 5 min" in text  # the sidebar
    assert "number 3 in the queue" in text
    assert "number 3 in the queue, its turn" not in text  # nobody knows how long r2 takes


def test_runs_are_ranked_by_validation_and_not_by_test(open_page: OpenPage, workspace: Workspace) -> None:
    add_run(workspace, "lucky", test=0.95, validation=0.80)
    add_run(workspace, "better", test=0.85, validation=0.92, mode=Mode.FINE_TUNE, minute=1)

    app = open_page("compare")

    assert list(app.dataframe[0].value["Mode"]) == ["fine-tuned", "frozen"]
    assert "Ranked by validation accuracy" in words(app)


def test_runs_of_different_pictures_are_told_apart(open_page: OpenPage, workspace: Workspace) -> None:
    add_run(workspace, "pets", dataset="my/pets")
    add_run(workspace, "leaves", dataset="my/leaves", minute=1)

    app = open_page("compare")
    one = list(app.dataframe[0].value["Pictures"])
    app.selectbox(key="compare-dataset").select("").run()

    assert one == ["leaves"]
    assert "comparing takes two" in words(open_page("compare"))
    assert sorted(app.dataframe[0].value["Pictures"]) == ["leaves", "pets"]


def test_starting_queues_each_ticked_mode_once(open_page: OpenPage, workspace: Workspace, pets: str) -> None:
    app = open_page("model")
    app = app.checkbox(key="design-mode-scratch").check().run()
    app = app.number_input(key="design-epochs").set_value(3).run()
    app.button(key="model-start").click().run()

    queued = Registry(workspace).list("train")
    configs = [RunConfig.from_json(RunFolder(workspace.runs / record.id).read_config()) for record in queued]
    assert {config.mode for config in configs} == {Mode.FROZEN, Mode.SCRATCH}
    assert {config.epochs for config in configs} == {3}
    assert {config.image_size for config in configs} == {224}
    assert {config.dataset for config in configs} == {pets}


def test_what_was_chosen_is_there_again_in_another_session(open_page: OpenPage, pets: str) -> None:
    app = open_page("model")
    app = app.checkbox(key="design-mode-finetune").check().run()
    app = app.number_input(key="design-batch_size").set_value(8).run()
    app = app.segmented_control(key="design-preset").select("light").run()

    again = open_page("model")

    assert again.checkbox(key="design-mode-finetune").value
    assert again.number_input(key="design-batch_size").value == 8
    assert again.segmented_control(key="design-preset").value == "light"
    assert again.number_input(key="design-augmentation.rotation").value == 10


def test_a_setting_that_cannot_work_is_told_before_training(open_page: OpenPage, pets: str) -> None:
    app = open_page("model")
    app = app.number_input(key="design-split.train").set_value(50.0).run()
    wrong_split = words(app)
    disabled = app.button(key="model-start").disabled
    app = app.number_input(key="design-split.train").set_value(80.0).run()

    assert "must sum to 100" in wrong_split
    assert disabled
    assert not app.button(key="model-start").disabled


@pytest.mark.parametrize(("field", "value"), [("design-epochs", 0), ("design-image_size", 10)])
def test_an_impossible_number_is_told_and_nothing_can_be_started(
    open_page: OpenPage, pets: str, field: str, value: int
) -> None:
    app = open_page("model")
    app = app.number_input(key=field).set_value(value).run()

    assert app.button(key="model-start").disabled
    assert f"Received: {value}" in words(app)
    # What was typed is not lost, nor does it break the page, when one comes back.
    assert not open_page("model").exception


def test_no_mode_at_all_is_told(open_page: OpenPage, pets: str) -> None:
    app = open_page("model")
    app = app.checkbox(key="design-mode-frozen").uncheck().run()

    assert "No mode is ticked" in words(app)
    assert app.button(key="model-start").disabled
