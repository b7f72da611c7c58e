"""What the machine is told to have."""

from __future__ import annotations

from tlcore.devices import HostFacts, describe_host, gpu_advice


def test_this_machine_is_described() -> None:
    host = describe_host()

    assert host.cores >= 1
    assert 0 < host.memory_free <= host.memory_total
    assert host.cpu


def test_a_card_without_cuda_libraries_is_told_with_the_way_out() -> None:
    advice = gpu_advice(("NVIDIA T4",), cuda_installed=False)

    assert "NVIDIA T4" in advice
    assert "requirements-gpu.txt" in advice
    assert not HostFacts("cpu", 2, 1, 1, ("NVIDIA T4",), advice).trains_on_gpu


def test_nothing_is_advised_where_nothing_is_missing() -> None:
    assert gpu_advice(("NVIDIA T4",), cuda_installed=True) == ""
    assert gpu_advice((), cuda_installed=False) == ""
    assert HostFacts("cpu", 2, 1, 1, ("NVIDIA T4",), "").trains_on_gpu
