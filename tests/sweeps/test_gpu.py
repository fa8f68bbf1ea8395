"""One name for a GPU, whatever spells it, and one run on it unless more are asked for."""

from __future__ import annotations

import select
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps import gpu

ROOT = Path(__file__).resolve().parents[2]
A, B = "GPU-aaaa1111-2222", "GPU-bbbb1111-2222"


@pytest.fixture
def cards(monkeypatch, tmp_path):
    """Put an nvidia-smi on the path, and nothing else, that knows the given models."""
    for variable in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    gpu._say_whose_numbers.cache_clear()

    def know(*models):
        rows = "".join(f"{n}, {uuid}, {model}\\n" for n, (uuid, model) in enumerate(zip((A, B), models, strict=False)))
        asked = '[ "$*" = "--query-gpu=index,uuid,name --format=csv,noheader" ] || exit 2'
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{asked}\nprintf '{rows}'\n")
        (tmp_path / "nvidia-smi").chmod(0o755)

    return know


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, (A, B)),
        ("0", (A,)),
        ("1, 0", (B, A)),
        (B, (B,)),
        ("GPU-bbbb", (B,)),
        ("GPU-", ("GPU-",)),  # the beginning of both
        ("7,MIG-abc", ("7", "MIG-abc")),
        ("-1", ()),
    ],
)
def test_a_gpu_has_one_name_however_the_environment_spells_it(cards, monkeypatch, chosen, expected):
    cards("H100", "H100")
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert gpu.visible() == expected


@pytest.mark.usefixtures("cards")
def test_without_nvidia_smi_the_spelling_stays(monkeypatch):
    assert gpu.usable("auto") == ()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0, GPU-abc")
    assert gpu.usable("auto") == ("0", "GPU-abc")
    assert gpu.usable("cuda:1") == ("GPU-abc",)
    assert gpu.usable("cpu") == ()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert gpu.usable("auto") == ()


@pytest.mark.parametrize(("device", "chosen"), [("auto", "1"), ("cuda:1", None)])
def test_whose_numbers_are_meant_is_said_where_cuda_may_count_otherwise(cards, monkeypatch, caplog, device, chosen):
    cards("T4", "H100")
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert gpu.usable(device) == gpu.usable(device) == (B,)
    setting = "CUDA_VISIBLE_DEVICES=1" if chosen else "runtime.device=cuda:1"
    assert caplog.messages == [
        f"{setting}: GPUs are numbered as nvidia-smi does it (0 T4, 1 H100), CUDA's own order may be another; set "
        "CUDA_DEVICE_ORDER=PCI_BUS_ID, or name GPUs by their UUIDs"
    ]


@pytest.mark.parametrize(
    ("models", "order", "chosen"),
    [(("T4", "H100"), "PCI_BUS_ID", "1"), (("H100", "H100"), "", "1"), (("T4", "H100"), "", B)],
)
def test_nothing_is_said_where_all_count_alike_or_nobody_counts(cards, monkeypatch, caplog, models, order, chosen):
    cards(*models)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", order)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert gpu.usable("auto") == (B,)
    assert caplog.messages == []


CLAIM = """
import sys, time
from pathlib import Path
from sweeps import gpu
print(gpu.claim(sys.argv[2].split(","), int(sys.argv[3]), Path(sys.argv[1])), flush=True)
time.sleep(60)
"""


def test_runs_share_a_gpu_only_when_asked_and_a_killed_one_frees_its_place(tmp_path):
    def claim(places):
        command = [sys.executable, "-c", CLAIM, str(tmp_path), "a,b", str(places)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    first, second = claim(1), claim(1)
    assert {first.stdout.readline(), second.stdout.readline()} == {"a\n", "b\n"}
    third = claim(1)
    assert select.select([third.stdout], [], [], 1.0)[0] == [], "no place is free"
    sharing = claim(2)
    assert sharing.stdout.readline() in ("a\n", "b\n")
    first.kill()
    first.wait()
    assert third.stdout.readline() in ("a\n", "b\n")
    for process in (first, second, third, sharing):
        process.kill()
        process.wait()
        process.stdout.close()
