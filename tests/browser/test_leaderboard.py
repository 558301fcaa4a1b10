"""The leaderboard page of the documentation is sorted by a click, as a reader does it."""

from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
TABLE = """
<table data-sortable="1"><thead><tr>
<th><button>run</button></th><th><button>AUROC</button></th></tr></thead><tbody>
<tr><td>b</td><td data-value="0.5">0.50 [0.41, 0.59]</td></tr>
<tr><td>c</td><td></td></tr>
<tr><td>a</td><td data-value="0.875">0.88 [0.80, 0.93]</td></tr>
<tr><td>d</td><td data-value="-0.1">-0.10</td></tr>
</tbody></table>
"""


def order(page: Any) -> str:
    return "".join(page.locator("tbody tr td:first-child").all_inner_texts())


def test_a_click_sorts_numbers_down_and_again_up_with_empty_cells_below(browser: Any) -> None:
    page = browser.new_page()
    script = (DOCS / "assets" / "sort.js").read_text(encoding="utf-8")
    page.set_content(f"{TABLE}<script>{script}</script>")
    page.click("text=AUROC")
    assert order(page) == "abdc"
    assert page.locator("th[aria-sort=descending]").inner_text() == "AUROC"
    page.click("text=AUROC")
    assert order(page) == "dbac"
    page.click("text=run")
    assert order(page) == "abcd"
    assert page.locator("th[aria-sort=ascending]").inner_text() == "run"
    page.click("text=run")
    assert order(page) == "dcba"
    assert page.locator("th[aria-sort]").count() == 1
    page.close()
