"""Reports show corruptions by family: every one of a shipped suite has one."""

from mimbench.corruptions.catalogue import KERNELS
from mimbench.corruptions.suites import parse
from mimbench.recipes import names, read_toml
from mimbench.report.figures.families import FAMILIES, OTHER, by_family, family_of


def test_every_kernel_is_in_one_family() -> None:
    found = [kernel for kernels in FAMILIES.values() for kernel in kernels]
    assert sorted(found) == sorted(KERNELS)


def test_corruptions_of_shipped_suites_are_in_the_family_of_their_kernel() -> None:
    tables = [read_toml("corruptions", suite)[0] for suite in names("corruptions")]
    corruptions = {own.name for table in tables for own in parse(table, "suite").corruptions}
    assert all(family_of(name) != OTHER for name in corruptions)
    assert family_of("exposure_low") == family_of("brightness") == "light and colour"
    assert family_of("derm_shot_noise") == "noise"


def test_families_have_an_order_and_what_is_unknown_comes_last() -> None:
    found = by_family(["fog", "mine", "gaussian_noise", "shot_noise"])
    assert list(found.items()) == [
        ("noise", ["gaussian_noise", "shot_noise"]),
        ("weather", ["fog"]),
        (OTHER, ["mine"]),
    ]
