"""What corruptions are alike: the families by which reports show them."""

from functools import cache

from mimbench.recipes import names, read_toml

__all__ = ["FAMILIES", "OTHER", "by_family", "family_of"]

OTHER = "other"  # of corruptions that no shipped suite has
FAMILIES: dict[str, tuple[str, ...]] = {  # kernels
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"),
    "blur": ("gaussian_blur", "glass_blur", "defocus_blur", "motion_blur", "zoom_blur",
             "hand_shake", "misfocus"),
    "weather": ("snow", "frost", "fog", "spatter"),
    "light and colour": ("brightness", "saturate", "contrast", "gain", "grey_contrast", "exposure",
                         "white_balance", "low_light", "uneven_light", "shadow", "glare"),
    "digital": ("pixelate", "jpeg_compression", "messenger", "screenshot"),
    "occlusion": ("black_corner", "hair", "ruler", "marker", "finger", "date_stamp", "characters"),
    "geometry": ("elastic_transform", "perspective", "rotation"),
}  # fmt: skip
_OF_KERNEL = {kernel: family for family, kernels in FAMILIES.items() for kernel in kernels}


def family_of(corruption: str) -> str:
    """The family of a corruption of a shipped suite; `OTHER` for all others."""
    return _OF_KERNEL.get(_kernels().get(corruption, corruption), OTHER)


def by_family(corruptions: list[str]) -> dict[str, list[str]]:
    """Corruptions by family, in the order of `FAMILIES`; families without any are left out."""
    found = {name: [c for c in corruptions if family_of(c) == name] for name in (*FAMILIES, OTHER)}
    return {name: own for name, own in found.items() if own}


@cache
def _kernels() -> dict[str, str]:
    """Kernels of the corruptions that shipped suites define."""
    tables = [read_toml("corruptions", suite)[0] for suite in names("corruptions")]
    defined = [own for table in tables for own in table.get("corruption", ())]
    return {own["name"]: own.get("kernel", own["name"]) for own in defined}
