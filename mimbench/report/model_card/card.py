"""A model card as sections of text and tables, written as Markdown or as one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from mimbench import __version__
from mimbench.report.page.render import own_file, page_environment
from mimbench.report.page.security import policy
from mimbench.text import markdown_cell

__all__ = ["Block", "CardSection", "CardTable", "Code", "ModelCard"]


@dataclass(frozen=True)
class CardTable:
    """A table of text.

    Attributes:
        header: one heading per column.
        rows: as many cells each.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Code:
    """Lines that a reader copies, such as a command."""

    text: str


# A sentence or several, a list of them, a table, or lines to copy.
Block = str | tuple[str, ...] | CardTable | Code


@dataclass(frozen=True)
class CardSection:
    """One section of a model card.

    Attributes:
        title: its heading.
        blocks: what stands in it, in this order.
    """

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class ModelCard:
    """A model card. All its text is plain: it is escaped when it is written.

    Attributes:
        title: of the whole.
        row: the score that it is about.
        summary: the verdicts in a few sentences, which stand at its top.
        sections: in the order of the card.
    """

    title: str
    row: str
    summary: tuple[str, ...]
    sections: tuple[CardSection, ...]

    def with_sections(self, sections: Sequence[CardSection], *, before: str = "") -> "ModelCard":
        """The card with further sections.

        Args:
            sections: to add.
            before: title of the section that they stand before; empty: at the end.
        """
        titles = [section.title for section in self.sections]
        place = titles.index(before) if before else len(titles)
        own = self.sections
        return replace(self, sections=(*own[:place], *sections, *own[place:]))

    def markdown(self) -> str:
        """The card as a Markdown document."""
        lines = [f"# {markdown_cell(self.title)}", ""]
        lines += [_list(self.summary), ""] if self.summary else []
        for section in self.sections:
            lines += [f"## {markdown_cell(section.title)}", ""]
            for block in section.blocks:
                lines += [_markdown(block), ""]
        return "\n".join(lines)

    def html(self, back: str = "") -> str:
        """The card as the text of one HTML file that loads nothing.

        Args:
            back: address of the page that it belongs to; empty: it stands alone.
        """
        style = own_file("style.css")
        return (
            page_environment()
            .get_template("model_card.html.j2")
            .render(
                card=self,
                back=back,
                kind=_kind,
                version=__version__,
                policy=policy("", style),
                style=Markup(style),
            )
        )


def _markdown(block: Block) -> str:
    if isinstance(block, CardTable):
        rows = [block.header, ("---",) * len(block.header), *block.rows]
        return "\n".join(f"| {' | '.join(map(markdown_cell, cells))} |" for cells in rows)
    if isinstance(block, Code):
        fence = "``````" if "```" in block.text else "```"
        return f"{fence}text\n{block.text}\n{fence}"
    return markdown_cell(block) if isinstance(block, str) else _list(block)


def _list(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {markdown_cell(sentence)}" for sentence in sentences)


def _kind(block: Block) -> str:
    """What a template shows a block as."""
    kinds = {CardTable: "table", Code: "code", str: "text"}
    return kinds.get(type(block), "list")
