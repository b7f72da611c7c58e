"""Extraction alone: `model.predict` on ready arrays, our engine on ready arrays, our engine from JPEG files.

The engine runs in this module's own process: `python -m benchmarks.extraction HOME`.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import median_of, ratio
from benchmarks.material import DATASET, import_photos, make_task
from benchmarks.options import Options
from benchmarks.processes import ended_afterwards, run

_BATCH = 32


def measure_extraction(options: Options, note: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """All three, one after the other in each round, each round in new processes."""
    runs: list[dict[str, Any]] = []
    home = options.place / "home-extraction"
    with ended_afterwards(home):
        import_photos(home, options.data)
        path = make_task(home, options.data, 1, 1, 0).write(options.place / "task.json")
        for _ in range(options.repeats):
            predicted = json.loads(run("benchmarks.plain", str(path), "--predict", home=home, log=options.log).output)
            engine = json.loads(run("benchmarks.extraction", str(home), home=home, log=options.log).output)
            runs.append({"predict_by_batch": predicted, "predict": max(predicted.values()), **engine})
            note(_summary(runs))
    shutil.rmtree(home)
    return _summary(runs)


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("predict", "engine", "engine_from_files")
    medians = {name: median_of(runs, lambda one, name=name: one[name]) for name in names}
    return {
        "pictures_a_second": medians,
        "times_faster": {name: ratio(medians[name], medians["predict"]) for name in names[1:]},
        "runs": runs,
    }


def speeds(home: Path) -> dict[str, Any]:
    """Pictures a second of the engine that a training would use, from files and from ready arrays."""
    from tlcore.backbones.registry import find_backbone, layer_table
    from tlcore.config import RunConfig
    from tlcore.data.batches import read_batches
    from tlcore.engines.networks import FrozenNetwork
    from tlcore.engines.select import open_engine
    from tlcore.jobs.preflight import preflight
    from tlcore.progress import Silence
    from tlcore.training.assembly import assemble
    from tlcore.training.trunk import frozen_network
    from tlcore.workspace import Workspace

    workspace = Workspace.open(home)
    plan = preflight(workspace, RunConfig.build(dataset=DATASET))
    config, material = plan.config, plan.material
    if material is None or config.image_size is None:
        raise SystemExit("the photos are not imported")
    backbone = find_backbone(config.backbone)
    network = FrozenNetwork(backbone, layer_table(backbone.id, config.width), config.width, config.image_size)
    engine = open_engine(
        workspace.engines,
        network,
        lambda: frozen_network(assemble(config, backbone, 2), backbone.preprocessing, None),
        config.compute,
        on_gpu=False,
        reporter=Silence(),
    )
    indices = material.indices("train")

    def read() -> Iterator[NDArray[np.uint8]]:
        return read_batches(material.dataset, indices, network.size, _BATCH, workspace.limits)

    ready = list(read())
    for _ in engine.extract(iter(ready[:4])):
        pass
    from_files = _pictures_a_second(engine, read())
    return {
        "engine": _pictures_a_second(engine, iter(ready)),
        "engine_from_files": from_files,
        "name": engine.name,
        "note": engine.note,
    }


def _pictures_a_second(engine: Any, batches: Iterator[NDArray[np.uint8]]) -> float:
    started = time.monotonic()
    done = sum(len(embedding) for (embedding, *_) in engine.extract(batches))
    return done / (time.monotonic() - started)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(speeds(Path(sys.argv[1]))) + "\n")
