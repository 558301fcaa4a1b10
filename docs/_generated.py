"""Where a page has something generated in it.

In a page stands

    <!-- generated: NAME -->
    Words for readers of the page's source: which command or file says the same.
    <!-- end -->

of which the built page has what is generated instead of these words.
"""

import re
from collections.abc import Callable, Iterable

__all__ = ["fill"]


def fill(markdown: str, name: str, make: Callable[[], Iterable[str]]) -> str:
    """A page with what is generated under that name, made only where the page asks for it."""
    place = re.compile(rf"<!-- generated: {name} -->.*?<!-- end -->", re.DOTALL)
    if not place.search(markdown):
        return markdown
    lines = "\n".join(make())
    return place.sub(lambda _: lines, markdown)
