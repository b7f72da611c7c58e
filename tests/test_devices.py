"""What the machine is told to have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlcore.devices import CardMemory, HostFacts, describe_host, gpu_advice, gpu_memory, has_bfloat16


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


@pytest.mark.parametrize(
    ("text", "able"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16\n", True),
        ("processor\t: 0\nflags\t\t: fpu avx2 amx_bf16 amx_tile\n", True),
        ("processor\t: 0\nmodel name\t: no avx512_bf16 here\nflags\t\t: fpu avx512f\n", False),
        ("Features\t: fp asimd bf16\n", False),
        ("", False),
    ],
)
def test_bfloat16_is_read_from_the_flags(tmp_path: Path, text: str, able: bool) -> None:
    (tmp_path / "cpuinfo").write_text(text)

    assert has_bfloat16(tmp_path / "cpuinfo") is able


def test_a_machine_that_describes_no_processor_has_no_bfloat16(tmp_path: Path) -> None:
    assert not has_bfloat16(tmp_path / "gone")


def test_the_memory_of_cards_is_what_the_driver_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\necho "NVIDIA A100, PCIe, 40960 MiB, 512 MiB"\necho "GRID V100, [N/A], [N/A]"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")

    assert gpu_memory() == (CardMemory("NVIDIA A100, PCIe", 40960 << 20, 512 << 20),)

    tool.unlink()
    assert gpu_memory() == ()
