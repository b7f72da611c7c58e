import shutil
from pathlib import Path

import pytest

from tests.conftest import FinishedRun
from tlcore.config import RunConfig
from tlcore.data.catalog import find_dataset
from tlcore.data.edits import exclude
from tlcore.data.importer import import_pictures
from tlcore.errors import BackboneError, ConfigError, DatasetError, InputError, RunError
from tlcore.files import read_json, write_json
from tlcore.jobs.preflight import check_same_pictures, preflight
from tlcore.runs.folder import RunFolder
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


@pytest.mark.parametrize("able", [True, False])
def test_bfloat16_needs_a_processor_that_has_it(workspace: Workspace, monkeypatch, able: bool) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("tlcore.jobs.preflight.has_bfloat16", lambda: able)
    config = RunConfig.build(dataset="sample/digits", compute={"precision": "bfloat16"})
    if able:
        assert preflight(workspace, config).config.compute.precision == "bfloat16"
    else:
        with pytest.raises(ConfigError, match="float32"):
            preflight(workspace, config)


def test_a_test_set_with_other_classes_is_refused(own: Workspace, tmp_path: Path, make_folder) -> None:  # type: ignore[no-untyped-def]
    import_pictures(own, make_folder(tmp_path / "test", cat=3, rocket=3), "test")
    with pytest.raises(DatasetError, match="other classes"):
        preflight(own, RunConfig.build(dataset="my/things", test_dataset="my/test"))


def test_copies_of_the_separate_test_set_are_not_learned_from(own: Workspace, tmp_path: Path, make_folder) -> None:  # type: ignore[no-untyped-def]
    # The first two of each class are among the training pictures too, the others are new.
    import_pictures(own, make_folder(tmp_path / "more", cat=14, coffee=14), "more")
    folder = tmp_path / "test"
    for name in ("cat", "coffee"):
        (folder / name).mkdir(parents=True)
        for number in ("000", "001", "012", "013"):
            (folder / name / f"{number}.jpg").write_bytes((tmp_path / "more" / name / f"{number}.jpg").read_bytes())
    import_pictures(own, folder, "test")
    config = RunConfig.build(
        dataset="my/things", test_dataset="my/test", split={"train": 85, "validation": 15, "test": 0}
    )
    material = preflight(own, config).material
    assert material is not None
    seen = {material.dataset.hashes[index] for part in ("train", "validation") for index in material.indices(part)}
    tested = {material.source("test").hashes[index] for index in material.indices("test")}
    assert len(tested) == 8
    assert len(seen) == 16
    assert not seen & tested


def test_going_on_from_a_frozen_run(finished_run: FinishedRun) -> None:
    workspace, run_id = finished_run.workspace, finished_run.run_id
    options = {"dataset": "sample/textures", "image_size": 64, "mode": "finetune", "from_run": run_id}
    assert preflight(workspace, RunConfig.build(**options)).config.from_run == run_id
    with pytest.raises(ConfigError, match="seed"):
        preflight(workspace, RunConfig.build(**options, seed=7))


def test_going_on_with_other_pictures_under_the_same_name_is_refused(finished_run: FinishedRun) -> None:
    workspace, original = finished_run.workspace, RunFolder.find(finished_run.workspace, finished_run.run_id)
    copy = RunFolder(workspace.runs / "20260101-000000-copy")
    shutil.copytree(original.path, copy.path)
    options = {"dataset": "sample/textures", "image_size": 64, "mode": "finetune", "from_run": copy.id}
    try:
        report = read_json(copy.report)
        write_json(copy.report, report | {"dataset": report["dataset"] | {"fingerprint": "of other pictures"}})
        with pytest.raises(DatasetError, match="was changed since"):
            preflight(workspace, RunConfig.build(**options))
        copy.report.unlink()
        with pytest.raises(RunError, match="no model to go on from"):
            preflight(workspace, RunConfig.build(**options))
    finally:
        shutil.rmtree(copy.path)


def test_a_changed_test_set_is_refused_too(own: Workspace, tmp_path: Path, make_folder) -> None:  # type: ignore[no-untyped-def]
    test = import_pictures(own, make_folder(tmp_path / "test", cat=3, coffee=3), "test")
    folder = RunFolder(own.runs / "20260101-000000-mine")
    folder.path.mkdir()
    learned = find_dataset(own, "my/things").fingerprint
    use = {"dataset": {"fingerprint": learned, "test_fingerprint": test.fingerprint}}
    write_json(folder.report, use)
    config = RunConfig.build(dataset="my/things", test_dataset=test.id, mode="finetune", from_run=folder.id)
    check_same_pictures(own, config)
    exclude(own, test.id, ["cat/000.jpg"], "why")
    with pytest.raises(DatasetError, match="was changed since"):
        check_same_pictures(own, config)


@pytest.mark.parametrize("run_id", ["../runs", "/etc", "", "..", "a/b"])
def test_an_earlier_run_can_not_lead_out_of_the_workspace(own: Workspace, run_id: str) -> None:
    with pytest.raises(InputError, match="name of a run"):
        preflight(own, RunConfig.build(dataset="my/things", mode="finetune", from_run=run_id))
