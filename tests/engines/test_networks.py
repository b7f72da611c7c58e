"""A network's identity: another one for whatever changes what is computed."""

from dataclasses import replace
from pathlib import Path

from tlcore.backbones.record import DownloadedWeights, PackagedWeights
from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.engines.networks import FrozenNetwork, network_path


def mobile(width: float | None) -> FrozenNetwork:
    return FrozenNetwork(find_backbone("mobilenetv2"), layer_table("mobilenetv2", width), width, 160)


def test_the_place_of_a_network_depends_on_what_it_computes(network: FrozenNetwork, tmp_path: Path) -> None:
    others = [
        replace(network, size=96),
        replace(network, cut=None),
        replace(network, cut=121),
        replace(network, backbone=replace(network.backbone, preprocessing="caffe")),
        replace(network, table=replace(network.table, weights=PackagedWeights("numpy", "__init__.py"))),
        mobile(0.5),
        mobile(1.0),
    ]
    places = [network_path(tmp_path, one) for one in (network, *others)]
    assert len(set(places)) == len(places)
    assert network_path(tmp_path, network, on_gpu=True) not in places
    assert network_path(tmp_path, replace(network)) == places[0]


def test_the_default_width_is_the_same_network(tmp_path: Path) -> None:
    assert mobile(None).identity == mobile(1.0).identity
    assert network_path(tmp_path, mobile(None)) == network_path(tmp_path, mobile(1.0))


def test_weights_are_known_by_their_content(network: FrozenNetwork) -> None:
    def told(weights: PackagedWeights | DownloadedWeights) -> str:
        return dict(replace(network, table=replace(network.table, weights=weights)).identity)["weights"]

    assert len(dict(network.identity)["weights"]) == 64
    assert told(DownloadedWeights("https://example.org/a.h5", "a.h5", "abc", 1.0)) == "abc"
    assert told(DownloadedWeights("https://example.org/a.h5", "a.h5", "", 1.0)) == "https://example.org/a.h5"
    assert "not installed" in told(PackagedWeights("no_such_package", "a.pth"))
