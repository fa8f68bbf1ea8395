"""What is read has the bits of what is computed; every ingredient counts; the version is that of the code."""

from functools import cache
from pathlib import Path

import pytest
import torch

from frequency_reg import array_cache, corrupted, records
from frequency_reg.compose import make_plan
from frequency_reg.corrupted import CorruptedSets, generated, generator_version
from frequency_reg.corruption.frost import PACKAGE
from frequency_reg.corruption.gaussian_noise import GaussianNoise
from frequency_reg.corruption.jpeg_compression import JpegCompression
from frequency_reg.corruption.resize import Resize
from frequency_reg.experiment import build_corruptions
from frequency_reg.run import run

PUBLISHED = ("cifar10c", "cifar100c", "imagenetc")
COMPUTED = sorted({path.stem for path in Path("conf/corruption").glob("*.yaml")} - set(PUBLISHED))
NOISE = GaussianNoise(sigma=[0.1, 0.2], clip=True)
IMAGES = torch.randint(0, 256, (20, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FREQUENCY_REG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(array_cache, "SMALLEST", 1)
    return tmp_path / "cache" / "corrupted"


def sets(images=IMAGES, *, batch_size=7, seed=3, eight_bit=False, cache_gib=1.0):
    return CorruptedSets(images, batch_size=batch_size, seed=seed, eight_bit=eight_bit, cache_gib=cache_gib)


def drawn(source, corruption=NOISE, severity=1):
    return torch.cat(list(source.batches(corruption, severity)))


def no_generation(monkeypatch):
    def refuse(*_args, **_named):
        raise AssertionError("generated, although the set is there")

    monkeypatch.setattr(corrupted, "generated", refuse)


@cache
def built():
    """Every computed corruption of conf/corruption for coloured images, composed once."""
    lacking = {"frost"} if corrupted._installed(PACKAGE) is None else set()
    chosen = ",".join(sorted(set(COMPUTED) - lacking))
    return build_corruptions(make_plan([f"corruption=[{chosen}]"], multirun=False).runs[0], (3, 32, 32))[0]


@pytest.mark.parametrize("eight_bit", [False, True])
@pytest.mark.parametrize("name", COMPUTED)
def test_a_set_read_has_the_bits_of_a_set_computed(name, eight_bit, monkeypatch, folder):
    if name == "frost" and corrupted._installed(PACKAGE) is None:
        pytest.skip(f"{PACKAGE} is not installed: no photographs of frost")
    corruption = built()[name]
    last = len(corruption.parameters)
    computed = list(generated(IMAGES, corruption, last, batch_size=7, seed=3, eight_bit=eight_bit))
    without = list(sets(eight_bit=eight_bit, cache_gib=0).batches(corruption, last))
    assert not folder.exists()
    written = list(sets(eight_bit=eight_bit).batches(corruption, last))
    no_generation(monkeypatch)
    read = list(sets(eight_bit=eight_bit).batches(corruption, last))
    for batches in (without, written, read):
        assert [len(batch) for batch in batches] == [7, 7, 6]
        assert all(torch.equal(a, b) for a, b in zip(batches, computed, strict=True))
        assert {batch.dtype for batch in batches} == {torch.float32}
    (file,) = folder.glob("*.raw")
    assert file.stat().st_size == IMAGES.numel() * (1 if eight_bit else 4)


def test_every_ingredient_makes_a_set_of_its_own(monkeypatch, folder):
    other = IMAGES.clone()
    other[0, 0, 0, 0] ^= 1
    drawn(sets())
    drawn(sets(other))
    drawn(sets(IMAGES.reshape(20, 1, 96, 32)))
    drawn(sets(batch_size=8))
    drawn(sets(seed=4))
    drawn(sets(eight_bit=True))
    drawn(sets(), severity=2)
    drawn(sets(), GaussianNoise(sigma=[0.1, 0.3], clip=True))
    drawn(sets(), GaussianNoise(sigma=[0.1, 0.2], clip=False))
    drawn(sets(), Resize(size=[16], relative_to=32, antialias=False))
    monkeypatch.setattr(corrupted, "_version", lambda _: "another")
    drawn(sets())
    monkeypatch.setattr(corrupted, "_arithmetic", lambda _: "another machine")
    drawn(sets())
    assert len(list(folder.glob("*.raw"))) == 12
    drawn(sets())
    assert len(list(folder.glob("*.raw"))) == 12


def test_what_cannot_be_told_apart_is_not_kept(folder, monkeypatch):
    class Holding(GaussianNoise):
        pass

    holding = Holding(sigma=[0.1], clip=True)
    drawn(sets(), holding)
    assert len(list(folder.glob("*.raw"))) == 1
    holding.weights = torch.zeros(3)
    drawn(sets(seed=5), holding)
    monkeypatch.setattr(corrupted, "_version", lambda _: None)
    drawn(sets(seed=6))
    assert len(list(folder.glob("*.raw"))) == 1


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A stranger's package with a corruption that imports two neighbours in two ways; returns its folder."""
    folder = tmp_path / "strange_noise"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "noise.py").write_text(
        "from frequency_reg.corruption.gaussian_noise import GaussianNoise\n"
        "from strange_noise import scale\n"
        "class Strange(GaussianNoise):\n"
        "    def corrupt(self, images, severity, generator):\n"
        "        from .inner import nothing\n"
        "        return super().corrupt(images, severity, generator)\n"
    )
    (folder / "scale.py").write_text("SCALE = 1\n")
    (folder / "inner.py").write_text("nothing = 0\n")
    (folder / "apart.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def version_of_strange():
    from strange_noise.noise import Strange

    corrupted._version.cache_clear()
    return generator_version(Strange(sigma=[0.1], clip=True))


def test_the_version_changes_with_the_code_and_what_it_imports(package, monkeypatch):
    seen = [version_of_strange()]
    (package / "apart.py").write_text("nobody = 'imports this'\n")
    assert version_of_strange() == seen[0]
    for file in ("noise.py", "scale.py", "inner.py"):
        (package / file).write_text((package / file).read_text() + "# changed\n")
        seen.append(version_of_strange())
    monkeypatch.setattr(torch, "__version__", "0.0")
    seen.append(version_of_strange())
    monkeypatch.setattr(corrupted, "GENERATION", 99)
    seen.append(version_of_strange())
    monkeypatch.setattr(corrupted.metadata, "version", lambda name: f"version of {name}")
    assert version_of_strange() == seen[-1]  # reads no package's files
    (package / "scale.py").write_text("PACKAGE = 'photographs'\n")
    seen.append(version_of_strange())
    monkeypatch.setattr(corrupted.metadata, "version", lambda name: f"next version of {name}")
    seen.append(version_of_strange())
    assert len(set(seen)) == len(seen) == 8
    assert all(len(version) == 16 and int(version, 16) >= 0 for version in seen)


def test_the_codec_counts_where_pillow_is_used(monkeypatch):
    noise, jpeg = generator_version(NOISE), generator_version(JpegCompression(quality=[50]))
    corrupted._version.cache_clear()
    monkeypatch.setattr(corrupted, "_pillow", lambda: ["another codec"])
    assert generator_version(NOISE) == noise
    assert generator_version(JpegCompression(quality=[50])) != jpeg
    corrupted._version.cache_clear()


def test_a_class_without_a_source_has_no_version():
    nameless = type("Nameless", (GaussianNoise,), {"__module__": "__main__.nowhere"})
    assert generator_version(nameless(sigma=[0.1], clip=True)) is None


def test_a_run_records_the_version_and_does_not_depend_on_the_cache(small, folder, monkeypatch):
    outcomes = [
        run(small("epochs=1", f"name={name}", f"runtime.corruption_cache_gib={gib}"))
        for name, gib in (("without", 0), ("writes", 1))
    ]
    assert len(list(folder.glob("*.raw"))) == 1
    monkeypatch.setattr(corrupted.CorruptedSets, "_generated", None)
    outcomes.append(run(small("epochs=1", "name=reads", "runtime.corruption_cache_gib=1")))
    assert [outcome.status for outcome in outcomes] == ["complete"] * 3
    assert len({records.content_digest(outcome.directory) for outcome in outcomes}) == 1
    for outcome in outcomes:
        version = records.read(outcome.directory)["run"]["provenance.generator.gaussian_noise"].to_pylist()
        assert version == [generator_version(NOISE)]
