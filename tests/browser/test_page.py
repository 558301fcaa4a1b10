"""The page in a real browser: it works from disk, alone, for everybody."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mimbench.files import file_hash
from mimbench.report import Report, write_report
from mimbench.report.leaderboard.lookup import rounded

Open = Callable[..., Any]
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}

# Text whose contrast against the nearest background is below WCAG AA.
LOW_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour, under) => {
    canvas.fillStyle = under; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = (data) => [0, 1, 2].map((i) => data[i] / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
    return "white";
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility() || element.matches("script, option")) continue;
    const ground = behind(element);
    const style = getComputedStyle(element);
    const paint = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(rgb(paint, ground)), light(rgb(ground, "white"))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.textContent.trim().slice(0, 40)}`);
  }
  return poor;
}"""

# Things to use or to look at that a screen reader could not name.
UNNAMED = """() =>
  [...document.querySelectorAll("input, select, button, [role=region], [role=img], img")]
    .filter((e) => !(e.labels?.length || e.ariaLabel || e.alt || e.textContent.trim()
      || e.getAttribute("aria-labelledby")))
    .map((e) => e.outerHTML.slice(0, 80))"""


# What a screen reader stumbles over: skipped heading levels, doubled ids, tables without headings,
# links to nowhere, an order of its own for the tab key, pictures without words.
STUMBLING = """() => {
  const found = [];
  const every = (selector, wrong) => document.querySelectorAll(selector)
    .forEach((e) => { if (wrong(e)) found.push(e.outerHTML.slice(0, 90)); });
  let level = 0;
  every("h1, h2, h3, h4", (e) => {
    const own = Number(e.tagName[1]);
    const skipped = own > level + 1;
    level = own;
    return skipped;
  });
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  found.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `id ${id} twice`));
  every("table", (e) => e.rows.length && !e.querySelector("thead th[scope]"));
  every("th", (e) => !e.scope);
  every("a[href^='#']", (e) => !document.getElementById(e.hash.slice(1)));
  every("a", (e) => !e.textContent.trim());
  every("[tabindex]", (e) => e.tabIndex > 0);
  every("img", (e) => !e.alt || !e.naturalWidth);
  every("figure > svg, svg[role=img]", (e) => !e.ariaLabel && !e.closest("[aria-label]"));
  every("svg:not([aria-hidden])", (e) => !e.ariaLabel && !e.closest("[role=img]"));
  every("main > section", (e) => !e.querySelector("h2"));
  return found;
}"""

# Lines and marks of less than 3:1 against the card they lie on (WCAG 1.4.11).
FAINT = """() => {
  const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const card = light(getComputedStyle(document.querySelector("main > section")).backgroundColor);
  return [...document.querySelectorAll(".panel .curve, .key .curve, .board .point")]
    .map((e) => [e, getComputedStyle(e)[e.matches(".point") ? "fill" : "stroke"]])
    .map(([e, paint]) => [paint, [light(paint), card].sort((x, y) => y - x)])
    .filter(([, [a, b]]) => (a + 0.05) / (b + 0.05) < 3).map(([paint]) => paint);
}"""


# What reaches beyond the paper, or is hidden by a box that would have to be scrolled.
CUT_OFF = """() => [...document.querySelectorAll("main *, header *")]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().width)
  .filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    || (getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1))
  .map((e) => e.outerHTML.slice(0, 80))"""


def unfold(page: Any) -> None:
    """Open every section and everything else that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")


def column(page: Any, index: int) -> list[str]:
    rows = page.locator(".board tbody tr:visible:not(.failed)")
    return [rows.nth(i).locator("th, td").nth(index).inner_text() for i in range(rows.count())]


def test_opens_from_disk_without_errors_or_requests(open_page: Open, report: Report) -> None:
    page = open_page(**DESKTOP)
    page.mouse.wheel(0, 20_000)
    assert page.errors == []
    assert [url for url in page.requests if not url.startswith("data:")] == [report.page.as_uri()]


def test_leaderboard_sorts_by_click_and_by_keyboard(open_page: Open) -> None:
    page = open_page(**DESKTOP)
    value = [float(text.split()[0]) for text in column(page, 1)]
    assert value == sorted(value, reverse=True)
    page.locator(".board thead button", has_text="known, same source").first.click()
    value = [float(text.split()[0]) for text in column(page, 2)]
    assert value == sorted(value, reverse=True)
    page.locator(".board thead button", has_text="score").focus()
    page.keyboard.press("Enter")
    names = column(page, 0)
    assert names == sorted(names)
    head = page.locator('.board th[aria-sort="ascending"]')
    assert head.count() == 1
    assert page.locator(".board tbody tr").last.get_attribute("class") == "failed"


def test_leaderboard_filters_rows_and_columns(open_page: Open) -> None:
    page = open_page(**DESKTOP)
    assert len(column(page, 0)) == 3, "of the controls the best of each column alone"
    assert not any(name.startswith("harmonic") for name in column(page, 0))
    page.get_by_role("checkbox", name="all controls (1 more)").check()
    assert len(column(page, 0)) == 4
    page.get_by_role("checkbox", name="further scores").check()
    assert len(column(page, 0)) == 6
    unfold(page)
    page.locator('[name="family"]').select_option("classifier")
    assert all(name.startswith("resnet18") for name in column(page, 0))
    page.get_by_role("checkbox", name="unknown, other source").uncheck()
    assert not page.locator('.board [data-part="group-unknown_other-source"]:visible').count()
    page.get_by_role("checkbox", name="more measures").check()
    assert page.get_by_role("button", name="fold sd").is_visible()


def test_what_is_chosen_stands_in_the_address(open_page: Open, report: Report) -> None:
    """A link shows the same: rows, columns, curves and the order of the leaderboard."""
    page = open_page(**DESKTOP)
    assert "?" not in page.url
    unfold(page)
    page.get_by_role("checkbox", name="further scores").check()
    page.locator(".board thead button", has_text="score").click()
    page.locator('[name="protocol"]').select_option("target-only")
    page.locator('[name="rows"]').select_option("all")
    page.locator(".toggles button", has_text="mim/residual").click()
    page.locator('nav a[href="#categories"]').click()
    page.wait_for_url("**#categories?**")
    curves = page.locator(".panel .curve").count()
    there = page.context.new_page()
    there.goto(page.url)
    assert there.get_by_role("checkbox", name="further scores").is_checked()
    assert column(there, 0) == column(page, 0)
    assert column(there, 0) == sorted(column(there, 0))
    assert there.locator('[name="protocol"]').input_value() == "target-only"
    assert there.locator(".panel .curve").count() == curves
    pressed = there.locator(".toggles button", has_text="mim/residual")
    assert pressed.get_attribute("aria-pressed") == "false"
    there.locator("#categories table").first.wait_for()  # the section is unfolded
    # and scrolled to, which comes when the page is laid out
    there.wait_for_function(
        "() => document.getElementById('categories').getBoundingClientRect().y < 200"
    )
    there.close()


def test_every_table_sorts(open_page: Open) -> None:
    page = open_page(**DESKTOP)
    unfold(page)
    for box in page.locator("main table").all():
        heads = box.locator("thead tr").last.locator("th")
        assert heads.locator("button").count() == heads.count()
    body = page.locator("#categories tbody").first
    heading = page.locator("#categories thead button").nth(1)
    for order in (True, False):  # from the highest, then from the lowest
        heading.click()
        lines = body.locator("tr:not(.group)")
        values = [
            float(lines.nth(k).locator("td").first.inner_text()) for k in range(lines.count())
        ]
        assert values == sorted(values, reverse=order)
    assert body.locator("tr").first.get_attribute("class") == "group"


def test_the_answer_stands_first_and_links_to_what_is_behind(open_page: Open) -> None:
    page = open_page(**DESKTOP)
    assert "mpox against 7 other categories" in page.locator("h1").inner_text().lower()
    lines = page.locator(".answer li")
    assert 1 <= lines.count() <= 5
    assert "Inconclusive" in lines.first.inner_text()
    states = page.locator(".checks .state").all_inner_texts()
    assert len(states) == 4
    assert set(states) <= {"pass", "caution", "fail"}
    assert not page.locator("#limits p, #limits ul").first.is_visible()
    page.locator('nav a[href="#limits"]').click()
    page.locator("#limits ul").first.wait_for()  # unfolded by an event that may come later


def test_curves_follow_the_controls(open_page: Open) -> None:
    page = open_page(**DESKTOP)
    assert page.locator(".panel").count() == 3
    unfold(page)
    first = page.locator(".panel .curve").first
    before = first.get_attribute("d")
    page.locator('[name="protocol"]').select_option("target-only")
    assert first.get_attribute("d") != before
    curves = page.locator(".panel .curve").count()
    mim = page.locator(".toggles button", has_text="mim/residual")
    mim.click()
    assert page.locator(".panel .curve").count() == curves - 3
    assert mim.get_attribute("aria-pressed") == "false"
    page.locator('[name="rows"]').select_option("family:classifier")
    assert page.locator("#matrix thead th").all_inner_texts()[1:] == [
        "resnet18/posterior",
        "resnet18/msp",
    ]
    page.locator('[name="metric"]').select_option("auroc_drop")
    assert "AUROC drop" in page.locator("#matrix-title").inner_text()


def test_hover_and_arrow_keys_tell_value_interval_and_n(open_page: Open, report: Report) -> None:
    page = open_page(**DESKTOP)
    page.locator('[name="rows"]').select_option("first")
    panel = page.locator(".panel svg").nth(1)
    panel.hover()
    tip = page.locator(".tip")
    assert "brightness, severity" in tip.inner_text()
    panel.focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    estimate = report.board.entries[0].cell(report.board.primary, "auroc")
    assert estimate is not None
    assert f"{estimate.value:.2f} {estimate.interval}" in tip.inner_text()
    assert f"{estimate.n_target_patients} patients" in tip.inner_text()
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_matrix_shows_what_the_metrics_table_says(open_page: Open, report: Report) -> None:
    page = open_page(**DESKTOP)
    unfold(page)
    page.locator('[name="rows"]').select_option("first")
    page.locator('[name="severity"]').select_option("3")
    line = page.locator("#matrix tbody tr", has_text="motion blur")
    group, metrics = report.board.primary, report.results.metrics
    assert group is not None
    cells = metrics[
        (metrics["corruption"] == "motion_blur")
        & (metrics["severity"] == 3)
        & (metrics["metric"] == "auroc")
        & (metrics["protocol"] == "both")
        & (metrics["role"] == group.role)
        & (metrics["category"] == "")
    ].set_index("row")["value"]
    rows = [entry.row for entry in report.board.entries if entry.headline]
    assert line.locator("td").all_inner_texts() == [rounded(cells[row]) for row in rows]


def test_a_number_is_the_same_in_leaderboard_matrix_and_on_hover(
    open_page: Open, report: Report
) -> None:
    page = open_page(**DESKTOP)
    unfold(page)
    page.get_by_role("checkbox", name="all controls").check()
    page.get_by_role("checkbox", name="further scores").check()
    page.locator('[name="rows"]').select_option("all")
    rows = [entry.row for entry in report.board.entries]
    clean = page.locator("#matrix tbody tr", has_text="clean").locator("td")
    for place, group in enumerate(report.board.groups):
        page.locator('[name="group"]').select_option(str(place))
        board = page.locator(f'.board tbody [data-part="group-{group.slug}"] .value')
        assert clean.all_inner_texts() == board.all_inner_texts()
        panel = page.locator(".panel svg").first
        panel.focus()
        page.keyboard.press("ArrowRight")
        told = page.locator(".tip div").all_inner_texts()
        texts = {f"{row} {report.board.entry(row).cell(group, 'auroc').text()}" for row in rows}
        assert set(told) == texts


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_and_controls_have_names(open_page: Open, scheme: str) -> None:
    page = open_page(**DESKTOP, color_scheme=scheme)
    unfold(page)
    page.get_by_role("checkbox", name="further scores").check()
    assert page.evaluate(LOW_CONTRAST) == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(ground.split("(")[1].split(",")[0]) < 60) == (scheme == "dark")
    assert page.evaluate(FAINT) == []
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(STUMBLING) == []
    assert page.locator("h1").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"


def test_everything_works_by_keyboard(open_page: Open) -> None:
    page = open_page(**DESKTOP)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.locator(".toggles button").first.focus()
    page.keyboard.press("Space")
    assert page.locator(".others button").first.get_attribute("aria-pressed") == "false"
    unfold(page)
    reached = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter((e) => e.checkVisibility())"
        ".every((e) => { e.focus(); return document.activeElement === e; })"
    )
    assert reached  # tables that scroll can be scrolled with the arrow keys


def test_gallery_shows_pictures_with_words_and_scores(open_page: Open) -> None:
    page = open_page(**DESKTOP)
    unfold(page)
    cases = page.locator("#gallery figure")
    assert cases.count() == 3
    assert "least confident wrong: acne, score 1.24, accepted" in cases.nth(1).inner_text()
    assert "acne image" in page.locator("#gallery img").nth(1).get_attribute("alt")
    steps = cases.nth(2).locator(".steps").last.locator("span").all_inner_texts()
    assert steps == ["0.5\naccepted", "0.75\naccepted", "1.5\nrefused"]


def test_images_are_browsed_by_score_and_by_disagreement(open_page: Open) -> None:
    page = open_page(**DESKTOP)
    unfold(page)
    cards = page.locator(".card")
    cards.first.wait_for()
    assert cards.count() == 8, "one of each category"
    assert page.errors == []

    def scores(row: str) -> list[float]:
        lines = page.locator(".card li", has_text=f"{row}:").all_inner_texts()
        return [float(line.split(": ")[1].split()[0]) for line in lines]

    page.locator('[name="images-by"]').select_option("mim/residual")
    assert scores("mim/residual") == sorted(scores("mim/residual"), reverse=True)
    page.get_by_role("checkbox", name="lowest first").check()
    assert scores("mim/residual") == sorted(scores("mim/residual"))
    assert "accepted" in page.locator(".card").first.inner_text()
    page.locator('[name="images-of"]').select_option("acne")
    assert cards.count() == 1
    assert "images-of=acne" in page.url
    level = page.locator(".card canvas").evaluate(
        "(canvas) => canvas.getContext('2d').getImageData(8, 8, 1, 1).data[0]"
    )
    assert level == pytest.approx(60, abs=4)  # the fourth category's grey


def test_phone_needs_no_sideways_scrolling(open_page: Open) -> None:
    page = open_page(**PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.documentElement.scrollHeight") <= 9100  # 27,400 px once
    bar = page.locator("nav ul").evaluate("(bar) => getComputedStyle(bar).scrollbarWidth")
    assert bar == "none"  # the links fade where they go on
    sorts = page.locator(".board th[aria-sort]").bounding_box()
    assert sorts["x"] + sorts["width"] <= 390  # the column that sorts is in sight
    board = page.locator(".scroll").filter(has=page.locator(".board"))
    assert "more" in board.get_attribute("class").split()  # and fades where it goes on
    board.evaluate("(box) => { box.scrollLeft = box.scrollWidth; }")
    faded = page.locator(".scroll.more").filter(has=page.locator(".board"))
    faded.wait_for(state="detached")  # wait_for_function would evaluate text in the page
    board.evaluate("(box) => { box.scrollLeft = 0; }")
    number = page.locator(".board tbody td").first
    number.tap()  # a finger cannot hover
    assert "patients; clustered placement values" in page.locator(".tip").inner_text()
    panel = page.locator(".panel svg").first
    panel.scroll_into_view_if_needed()
    panel.tap()
    box = page.locator(".tip").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_prints_to_pdf(open_page: Open) -> None:
    page = open_page(**DESKTOP, color_scheme="dark")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1000})  # A4 between its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 30, 34)"  # on white
    pdf = page.pdf(format="A4")
    unfold(page)  # as paper has it
    assert page.evaluate(CUT_OFF) == []
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page>") <= 12


def test_works_without_script(open_page: Open) -> None:
    page = open_page(**DESKTOP, java_script_enabled=False)
    assert page.locator(".board tbody tr:visible").count() == 7
    assert page.get_by_text("curves need JavaScript").is_visible()


def test_a_script_in_a_figure_of_a_stranger_does_not_run(
    browser: Any, report: Report, tmp_path: Path
) -> None:
    folder = shutil.copytree(report.folder, tmp_path / "run")
    figure, record = folder / "figures" / "roc.svg", folder / "figures" / "drawn.json"
    attack = "<script>top.document.title = 'owned'; document.title = 'owned'</script>"
    figure.write_text(re.sub(r"(<svg[^>]*>)", rf"\1{attack}", figure.read_text(), count=1))
    known = json.loads(record.read_text())
    known["roc"][-1] = file_hash(figure)
    record.write_text(json.dumps(known))
    page = browser.new_page()
    page.goto(write_report(folder).page.as_uri())
    assert page.locator("img.drawing").evaluate_all("(all) => all.every((e) => e.naturalWidth)")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"f()\">')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), "
                  "{ textContent: \"document.title = 'owned'\" }))")  # fmt: skip
    assert "owned" not in page.title()
    page.close()


@pytest.mark.parametrize(("scheme", "card"), [("light", "255,255,255"), ("dark", "24,27,32")])
def test_figures_follow_light_and_dark(open_page: Open, scheme: str, card: str) -> None:
    page = open_page(**DESKTOP, color_scheme=scheme)
    colours = page.locator("img.drawing").first.evaluate(
        """(image) => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
          const found = new Set();
          for (let i = 0; i < data.length; i += 4) found.add(data.slice(i, i + 3).join());
          return [...found];
        }"""
    )
    assert len({card, "255,255,255", "24,27,32"} & set(colours)) == 1
    assert card in colours
