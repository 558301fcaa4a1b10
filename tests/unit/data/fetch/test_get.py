"""`mimbench data get`: all of a set arrives or nothing, and each failure is one sentence."""

import errno
import hashlib
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from miniature_sets import MINIATURES

import mimbench.data.fetch.get as getting
from mimbench.data.fetch.places import located
from mimbench.data.sets.facts import Download, data_set
from mimbench.errors import DataError, MimbenchError, OutputError
from mimbench.progress import Silent


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIMBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


class RefusalError(OSError):
    """As requests' HTTPError: an OSError with a response."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status} Client Error")
        self.response = SimpleNamespace(status_code=status)


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A stand-in for kagglehub's one call: writes MSID, or raises `error` after half of it."""
    asked = SimpleNamespace(handles=[], error=None)

    def dataset_download(handle: str, *, output_dir: str) -> str:
        asked.handles.append(handle)
        MINIATURES["msid"](Path(output_dir))
        if asked.error:
            raise asked.error
        return output_dir

    stand_in = SimpleNamespace(dataset_download=dataset_download)
    monkeypatch.setitem(sys.modules, "kagglehub", stand_in)
    return asked


@pytest.mark.parametrize("named", [True, False])
def test_a_set_of_kaggle_arrives_and_goes_by_its_name(tmp_path, cache, kaggle, named):
    folder = tmp_path / "here" / "msid" if named else None
    place = getting.get("msid", folder, Silent())
    assert place == (folder or cache / "msid")
    assert kaggle.handles == ["dipuiucse/monkeypoxskinimagedataset"]
    assert len(_left(place)) == 8
    assert located("msid") == place
    getting.get("msid", folder, Silent())
    assert len(kaggle.handles) == 1, "what is there is not downloaded again"


@pytest.mark.parametrize(
    ("error", "kind", "facts"),
    [
        (OSError("Name or service not known"), DataError, ["service", "Check the connection"]),
        (ConnectionError("x" * 999), DataError, ["there is no connection. Nothing was written"]),
        (RefusalError(403), DataError, ["Accept the terms", "KAGGLE_KEY"]),
        (RefusalError(404), DataError, ["404"]),
        (OSError(errno.ENOSPC, "No space left on device"), OutputError, ["No space left"]),
        (PermissionError(errno.EACCES, "Permission denied"), OutputError, ["Cannot write"]),
    ],
)
def test_a_failure_is_one_sentence_and_leaves_nothing(tmp_path, cache, kaggle, error, kind, facts):
    kaggle.error = error
    with pytest.raises(kind) as raised:
        getting.get("msid", tmp_path / "msid", Silent())
    assert all(fact in str(raised.value) for fact in facts)
    assert not _left(tmp_path)
    with pytest.raises(DataError):
        located("msid")


def test_an_interrupted_download_leaves_nothing_of_kaggle(tmp_path, kaggle):
    kaggle.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        getting.get("msid", tmp_path / "msid", Silent())
    assert not _left(tmp_path)


def test_a_missing_package_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(DataError, match=r"kagglehub.*mimbench\[data\]"):
        getting.get("msid", tmp_path / "msid", Silent())


def test_a_set_that_needs_an_agreement_says_where_to_ask_and_what_reads_the_result(tmp_path):
    with pytest.raises(DataError) as error:
        getting.get("ddi", tmp_path / "ddi", Silent())
    for fact in (
        "agreement",
        "ddi-dataset.github.io",
        "mimbench data show DIR",
        "data get ddi DIR",
    ):
        assert fact in str(error.value)


def test_a_folder_with_something_else_in_it_is_refused(tmp_path):
    MINIATURES["msid"](tmp_path / "mine")
    with pytest.raises(OutputError, match=r"not empty.*ddi.*msid"):
        getting.get("ddi", tmp_path / "mine", Silent())


CONTENT = bytes(range(256)) * 4000  # about 1 MB


class _Server(BaseHTTPRequestHandler):
    ranges: ClassVar[list[str | None]] = []
    breaks_after: int | None = None

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end = len(CONTENT) if self.breaks_after is None else start + self.breaks_after
        self.wfile.write(CONTENT[start:end])

    def log_message(self, *args: object) -> None:
        """Silent."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Server]]:
    """A local server in place of the one that DermaMNIST names."""
    pytest.importorskip("pooch", reason="pooch comes with mimbench[data]")
    web = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    monkeypatch.setattr(_Server, "ranges", [])
    monkeypatch.setattr(_Server, "breaks_after", None)
    url = f"http://127.0.0.1:{web.server_address[1]}/dermamnist.npz?download=1"
    _serve(monkeypatch, url, hashlib.md5(CONTENT).hexdigest())
    yield _Server
    web.shutdown()
    web.server_close()


def _serve(monkeypatch: pytest.MonkeyPatch, url: str, md5: str) -> None:
    file = Download(url=url, hash=f"md5:{md5}", name="dermamnist.npz")
    about = data_set("dermamnist").model_copy(update={"downloads": (file,)})
    monkeypatch.setattr(getting, "data_set", lambda name: about)


def test_a_download_that_breaks_off_goes_on_where_it_stopped(tmp_path, server, monkeypatch):
    folder = tmp_path / "derm"
    monkeypatch.setattr(server, "breaks_after", 300_000)
    with pytest.raises(DataError, match=r"repeat the command") as error:
        getting.get("dermamnist", folder, Silent())
    assert str(folder) + ".partial" in str(error.value)
    assert not folder.exists()
    monkeypatch.setattr(server, "breaks_after", None)
    getting.get("dermamnist", folder, Silent())
    assert server.ranges == [None, "bytes=262144-"]  # what arrived, in whole chunks of 64 kB
    assert (folder / "dermamnist.npz").read_bytes() == CONTENT
    assert _left(folder) == ["dermamnist.npz"]
    assert not folder.with_name("derm.partial").exists()


def test_a_wrong_hash_leaves_nothing(tmp_path, server, monkeypatch):
    url = getting.data_set("dermamnist").downloads[0].url
    _serve(monkeypatch, url, "0" * 32)
    with pytest.raises(DataError, match=r"not the one that mimbench knows.*MD5.*deleted"):
        getting.get("dermamnist", tmp_path / "derm", Silent())
    assert not _left(tmp_path)


def test_offline_is_one_sentence(tmp_path, monkeypatch):
    pytest.importorskip("pooch", reason="pooch comes with mimbench[data]")
    _serve(monkeypatch, "http://127.0.0.1:9/dermamnist.npz", "0" * 32)
    with pytest.raises(MimbenchError, match=r"no connection to 127\.0\.0\.1.*Nothing was written"):
        getting.get("dermamnist", tmp_path / "derm", Silent())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing(tmp_path, server, monkeypatch):
    def full(path: Path, target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        getting.get("dermamnist", tmp_path / "derm", Silent())
    assert not _left(tmp_path)


@pytest.mark.parametrize("name", ["msid", "dermamnist"])
def test_a_partial_folder_of_somebody_else_is_kept_and_refused(tmp_path, kaggle, name):
    mine = tmp_path / "new.partial" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(OutputError, match=r"new\.partial.*did not make it"):
        getting.get(name, tmp_path / "new", Silent())
    assert mine.read_text() == "mine"
    assert not kaggle.handles


def test_what_an_earlier_attempt_at_another_set_left_does_not_get_into_this_one(tmp_path, kaggle):
    left = tmp_path / "new.partial" / "files" / "dermamnist.npz.partial"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"a beginning")
    (tmp_path / "new.partial" / "made-by-mimbench").write_text("dermamnist")
    getting.get("msid", tmp_path / "new", Silent())
    assert len(_left(tmp_path / "new")) == 8
    assert not left.parent.parent.exists()


def test_a_file_in_the_place_of_the_folder_is_refused_before_anything_is_downloaded(
    tmp_path, kaggle
):
    (tmp_path / "new").write_text("mine")
    with pytest.raises(OutputError, match="not a folder"):
        getting.get("msid", tmp_path / "new", Silent())
    assert not kaggle.handles
    assert (tmp_path / "new").read_text() == "mine"


def test_what_arrives_and_is_not_the_set_does_not_take_its_name(tmp_path, kaggle):
    with pytest.raises(DataError, match=r"not DermNet.*msid.*Nothing was written"):
        getting.get("dermnet", tmp_path / "new", Silent())
    assert not _left(tmp_path)


def test_a_refused_plain_download_does_not_speak_of_kaggle(tmp_path, monkeypatch):
    def refused(*_: object) -> None:
        raise RefusalError(403)

    monkeypatch.setattr(getting, "download", refused)
    monkeypatch.setitem(sys.modules, "pooch", SimpleNamespace())
    with pytest.raises(DataError, match=r"DermaMNIST \(HTTP 403\)") as error:
        getting.get("dermamnist", tmp_path / "new", Silent())
    assert "aggle" not in str(error.value)
    assert not _left(tmp_path)
