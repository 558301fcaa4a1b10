"""The page of a stranger's run shows what is in its folder, and runs nothing of it."""

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
from synthetic_run import small_tables, write_synthetic_run
from tampering import reseal

from mimbench.files import file_hash
from mimbench.report import Report, write_report
from mimbench.report.figures.cache import RECORD
from mimbench.report.page.sections.gallery import gallery_views
from mimbench.runfolder.reading import read_run
from mimbench.scores.tables import RunTables

SCRIPT = "<script>document.title='owned'</script>"


@pytest.fixture
def run(report: Report, tmp_path: Path) -> Path:
    """A copy of a reported run, to be tampered with."""
    return Path(shutil.copytree(report.folder, tmp_path / "run"))


def inject(run: Path) -> None:
    """A script in a figure, with its hash in the record, as an attacker leaves it."""
    path = run / "figures" / "roc.svg"
    path.write_text(re.sub(r"(<svg[^>]*>)", rf"\1{SCRIPT}", path.read_text(), count=1))
    record = run / "figures" / RECORD
    known = json.loads(record.read_text())
    known["roc"][-1] = file_hash(path)
    record.write_text(json.dumps(known))


def test_a_script_in_a_figure_stays_inside_an_image(run: Path) -> None:
    inject(run)
    page = write_report(run).page.read_text()
    assert SCRIPT in (run / "figures" / "roc.svg").read_text(), "else nothing is tested"
    assert SCRIPT not in page
    assert quote("<script>document.title") in page  # within the address of the image
    assert page.count("<script") == 2  # the numbers, and the page's own


def test_the_policy_allows_the_own_script_and_style_by_hash_and_loads_nothing(
    report: Report,
) -> None:
    page = report.page.read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].replace("&#39;", "'").split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert page.index("Content-Security-Policy") < page.index("<style")
    assert not re.search(r'\sstyle="', page), "the policy would ignore it"
    assert not re.search(r"\son\w+=", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL))


def test_a_figure_that_is_no_figure_does_not_stop_the_report(
    tables: RunTables, tmp_path: Path
) -> None:
    run = write_synthetic_run(tmp_path / "run", small_tables(tables))
    write_report(run)
    path, record = run / "figures" / "roc.svg", run / "figures" / RECORD
    path.write_bytes(b"\xff\xfe no svg")
    known = json.loads(record.read_text())
    known["roc"][-1] = file_hash(path)
    record.write_text(json.dumps(known))
    assert write_report(run).page.is_file()
    for content in ('{"roc": 5}', '{"roc": [[[]]]}', "[" * 10**5, "7"):
        record.write_text(content)
        assert write_report(run).page.is_file()


def test_only_the_pictures_that_the_run_made_are_shown(run: Path) -> None:
    picture = run / "gallery" / "noise.png"
    picture.write_bytes(b"root:x:0:0:root:/root:/bin/bash\n")
    (view,) = gallery_views(read_run(run))
    assert set(view.missing) == {"noise.png"}
    assert not view.cases

    def forge(record: dict[str, list[dict[str, object]]]) -> None:
        for entry in record["pictures"]:
            entry["sha256"] = file_hash(picture)

    reseal(run / "gallery" / "gallery.json", forge)
    (view,) = gallery_views(read_run(run))
    assert set(view.missing) == {"noise.png"}, "it is no picture at all"
