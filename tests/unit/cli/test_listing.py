"""Lists of what can be named fit into a terminal."""

from io import StringIO

from rich.console import Console

from mimbench.cli.listing import listing
from mimbench.recipes import names, read_recipe


def shown(what: str) -> str:
    console = Console(file=StringIO(), width=80)
    console.print(listing(what))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_detectors_have_whole_names_and_their_headline_scores() -> None:
    text = shown("detectors")
    firsts = {line.split()[0] for line in text.splitlines() if line and line[0] != " "}
    assert set(names("baselines")) <= firsts
    words = " ".join(text.split())
    assert f"scores {', '.join(read_recipe('mim').headline)} and" in words
    assert "in the default run" in words
