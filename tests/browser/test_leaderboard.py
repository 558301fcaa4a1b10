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


def test_on_a_phone_the_table_scrolls_in_its_box_and_its_first_column_stays(browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    style = (DOCS / "assets" / "style.css").read_text(encoding="utf-8")
    head = "".join(f"<th><button>AUROC {number}</button></th>" for number in range(9))
    cells = "<td>0.50 [0.41, 0.59]</td>" * 8
    table = f"<table class='board'><thead><tr>{head}</tr></thead><tbody>"
    row = f"<tr><th>efficientnet_lite0-probe-64/mahalanobis-target</th>{cells}</tr>"
    page.set_content(
        f"<style>{style}</style><div class='boards'>{table}{row}</tbody></table></div>"
    )
    before = page.locator("tbody th").bounding_box()
    page.evaluate("document.querySelector('.boards').scrollLeft = 300")
    assert page.evaluate("document.querySelector('.boards').scrollLeft") == 300
    after = page.locator("tbody th").bounding_box()
    assert after["x"] == before["x"]
    assert after["width"] < 200, "room for a number beside it"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()
