"""Lists of what can be named fit into a terminal."""

from io import StringIO

from rich.console import Console

from mimbench.cli.listing import listing
from mimbench.recipes import names, read_recipe


def shown(what: str = "", width: int = 80) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(listing(what))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_detectors_have_whole_names_and_their_headline_scores() -> None:
    text = shown("detectors")
    firsts = {line.split()[0] for line in text.splitlines() if line and line[0] != " "}
    assert set(names("baselines")) <= firsts
    words = " ".join(text.split())
    assert f"scores {', '.join(read_recipe('mim').headline)} and" in words
    assert "in the default run" in words


def test_without_a_kind_every_list_has_one_line_with_its_number() -> None:
    lines = [line.split() for line in shown(width=120).splitlines()[1:]]
    numbers = {name: int(number) for name, number, *_ in lines}
    assert numbers["detectors"] >= len(names("baselines"))
    assert (numbers["suites"], numbers["runs"]) == (len(names("corruptions")), len(names("runs")))
    for name, number in numbers.items():
        firsts = {line.split()[0] for line in shown(name).splitlines()[1:] if line[:1].strip()}
        assert len(firsts) == number, name
