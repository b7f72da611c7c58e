from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tlcore.control_group import MemoryGroup, memory_group

Make = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cgroup"


def fill(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")
    return folder


def own_list(tmp_path: Path, text: str) -> Path:
    (tmp_path / "own").write_text(text)
    return tmp_path / "own"


def test_version_2_counts_kills_and_the_tightest_limit_decides(tmp_path: Path, root: Path) -> None:
    fill(root)
    fill(root / "app", memory__max="1000", memory__current="900", memory__stat="anon 500\ninactive_file 300")
    fill(
        root / "app/job",
        memory__max="max",
        memory__current="700",
        memory__events="low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0",
    )
    group = memory_group(own_list(tmp_path, "0::/app/job\n"), root)
    assert group == MemoryGroup(root / "app/job", root)
    assert group.kills() == 2
    assert group.room() == 1000 - 900 + 300


def test_kills_in_the_groups_below_are_not_ones_own(tmp_path: Path, root: Path) -> None:
    fill(root)
    fill(root / "app", memory__events="oom 3\noom_kill 2", memory__events__local="oom 1\noom_kill 0")
    group = memory_group(own_list(tmp_path, "0::/app\n"), root)
    assert group is not None
    assert group.kills() == 0


def test_version_1_has_a_tree_for_memory(tmp_path: Path, root: Path) -> None:
    fill(
        root / "memory/docker/abc",
        memory__limit_in_bytes="5000",
        memory__usage_in_bytes="4000",
        memory__stat="cache 10\ninactive_file 1\ntotal_inactive_file 500",
        memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 4",
    )
    group = memory_group(own_list(tmp_path, "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n"), root)
    assert group is not None
    assert (group.kills(), group.room()) == (4, 1500)


def test_a_container_that_sees_its_own_group_as_the_root(tmp_path: Path, root: Path) -> None:
    fill(root / "memory", memory__limit_in_bytes="9223372036854771712", memory__usage_in_bytes="4000")
    fill(root / "memory", memory__oom_control="oom_kill_disable 0\nunder_oom 0")
    group = memory_group(own_list(tmp_path, "4:memory:/docker/abc\n"), root)
    assert group == MemoryGroup(root / "memory", root / "memory")
    assert (group.kills(), group.room()) == (None, None)


@pytest.mark.parametrize("text", ["", "0::/\n", "nonsense\n", "1:name=systemd:/\n"])
def test_where_there_is_no_group_nothing_is_told(tmp_path: Path, root: Path, text: str) -> None:
    fill(root)
    assert memory_group(own_list(tmp_path, text), root) is None
    assert memory_group(tmp_path / "gone", root) is None


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_a_real_kill_is_counted(small_group: Callable[[int], MemoryGroup]) -> None:
    group = small_group(64)
    assert group.kills() == 0
    room = group.room()
    assert room is not None
    assert room <= 64 << 20
    command = f"echo $$ > {group.folder}/cgroup.procs; exec {sys.executable} -c 'bytearray(200 << 20)'"
    ended = subprocess.run(["/bin/sh", "-c", command], check=False)
    assert ended.returncode == -9
    assert group.kills() == 1
