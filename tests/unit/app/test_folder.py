"""An app is written over an app, never over something else."""

import json
from pathlib import Path

import pytest

from mimbench.app.folder import FORMAT, check_out, copy_folder, first_load, languages, seal
from mimbench.app.icons import icon_png, icon_svg
from mimbench.errors import OutputError, UnknownNameError


def test_only_a_new_folder_or_an_earlier_app_is_written_to(tmp_path: Path) -> None:
    check_out(tmp_path / "new", "en")
    check_out(tmp_path, "fr")
    (tmp_path / "app.json").write_text('{"name": "something else"}')
    with pytest.raises(OutputError, match="something else than an app"):
        check_out(tmp_path, "en")
    (tmp_path / "app.json").write_text(json.dumps({"format": FORMAT}))
    check_out(tmp_path, "en")


def test_an_unknown_language_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    assert languages() == {"en": "English", "fr": "Français"}
    with pytest.raises(UnknownNameError, match="en"):
        check_out(tmp_path, "eo")


def test_the_service_worker_has_another_version_when_any_byte_changes(tmp_path: Path) -> None:
    for name in ("index.html", "a.js"):
        (tmp_path / name).write_text(name)
    before = seal(tmp_path)
    assert before in (tmp_path / "sw.js").read_text()
    assert '"a.js"' in (tmp_path / "sw.js").read_text()
    (tmp_path / "sw.js").unlink()
    (tmp_path / "a.js").write_text("changed")
    assert seal(tmp_path) != before


def test_other_files_beside_an_earlier_app_stay(tmp_path: Path) -> None:
    made, out = tmp_path / "made", tmp_path / "out"
    made.mkdir()
    out.mkdir()
    (out / "CNAME").write_text("example.org")
    (made / "index.html").write_text("new")
    seal(made)
    copy_folder(made, out)
    assert sorted(path.name for path in out.iterdir()) == ["CNAME", "index.html", "sw.js"]


def test_the_first_load_is_what_a_phone_fetches_compressed(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(bytes(100_000))
    (tmp_path / "MODEL_CARD.md").write_bytes(bytes(range(256)) * 100)  # for people, not fetched
    assert 50 < first_load(tmp_path) < 1000


def test_icons_are_drawn_at_any_size() -> None:
    assert icon_svg().count("<rect") == 17
    assert icon_png(192)[:4] == b"\x89PNG"
