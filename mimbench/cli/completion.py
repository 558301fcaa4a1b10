"""What a shell offers after TAB where a value is a name that comes with mimbench."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mimbench.recipes import Kind, names

__all__ = ["OF_FLAGS", "shipped"]

OF_FLAGS: Mapping[str, Kind] = MappingProxyType(
    {"detector": "baselines", "only": "baselines", "suite": "corruptions"}
)


def shipped(kind: Kind) -> Callable[[str], list[str]]:
    """Offer the shipped names of a kind; the shell itself offers files where none begins so."""

    def offered(incomplete: str) -> list[str]:
        return [name for name in names(kind) if name.startswith(incomplete)]

    return offered
