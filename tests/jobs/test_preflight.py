from pathlib import Path

import pytest

from tests.conftest import FinishedRun
from tlcore.config import RunConfig
from tlcore.data.importer import import_pictures
from tlcore.errors import BackboneError, ConfigError, DatasetError, InputError, RunError
from tlcore.jobs.preflight import preflight
from tlcore.workspace import Workspace


@pytest.fixture
def own(workspace: Workspace, tmp_path: Path, make_folder) -> Workspace:  # type: ignore[no-untyped-def]
    import_pictures(workspace, make_folder(tmp_path / "pictures", cat=10, coffee=10), "things")
    return workspace


def test_a_sound_configuration_comes_back_complete(own: Workspace) -> None:
    plan = preflight(own, RunConfig.build(dataset="my/things", mode="finetune"))
    assert plan.config.image_size == 224
    assert len(plan.config.unfreeze) == 2
    assert plan.material is not None
    assert plan.material.total == 20


def test_a_sample_that_is_not_prepared_yet_is_no_obstacle(workspace: Workspace) -> None:
    assert preflight(workspace, RunConfig(dataset="sample/digits")).material is None


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"dataset": "my/thing"}, DatasetError, "my/things"),
        ({"backbone": "efficientnet-lite9"}, BackboneError, "efficientnet-lite0"),
        ({"image_size": 16}, ConfigError, "32"),
        ({"mode": "finetune", "unfreeze": ["block9"]}, ConfigError, "block7"),
        ({"mode": "finetune", "from_run": "20260101-000000-aaaa"}, RunError, "20260101-000000-aaaa"),
        ({"test_dataset": "my/things"}, DatasetError, "also in the training set"),
        ({"test_dataset": "sample/nothing"}, DatasetError, "sample/nothing"),
    ],
)
def test_what_can_not_work_is_refused_before_it_is_queued(
    own: Workspace, options: dict[str, object], kind: type[InputError], words: str
) -> None:
    with pytest.raises(kind, match=words) as refusal:
        preflight(own, RunConfig.build(**({"dataset": "my/things"} | options)))
    assert refusal.value.exit_status == 2
    assert not list(own.runs.iterdir())


def test_one_sigmoid_output_needs_two_classes(workspace: Workspace) -> None:
    config = RunConfig.build(dataset="sample/digits", head={"activation": "sigmoid"})
    with pytest.raises(ConfigError, match="10 classes"):
        preflight(workspace, config)


def test_a_test_set_with_other_classes_is_refused(own: Workspace, tmp_path: Path, make_folder) -> None:  # type: ignore[no-untyped-def]
    import_pictures(own, make_folder(tmp_path / "test", cat=3, rocket=3), "test")
    with pytest.raises(DatasetError, match="other classes"):
        preflight(own, RunConfig.build(dataset="my/things", test_dataset="my/test"))


def test_going_on_from_a_frozen_run(finished_run: FinishedRun) -> None:
    workspace, run_id = finished_run.workspace, finished_run.run_id
    options = {"dataset": "sample/textures", "image_size": 64, "mode": "finetune", "from_run": run_id}
    assert preflight(workspace, RunConfig.build(**options)).config.from_run == run_id
    with pytest.raises(ConfigError, match="seed"):
        preflight(workspace, RunConfig.build(**options, seed=7))
