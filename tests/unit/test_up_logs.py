"""Lines of services on the terminal and in their files."""

import io
from pathlib import Path

from services.up.logs import Console, LineSplitter, LogFile


def test_lines_come_out_whole_however_the_pipe_cuts_them() -> None:
    lines = LineSplitter()
    pieces = [
        lines.feed(piece)
        for piece in (b"one\ntw", b"o\r\n", "gr\u00fcn".encode()[:3], "gr\u00fcn".encode()[3:] + b"\n")
    ]
    assert pieces == [["one"], ["two"], [], ["gr\u00fcn"]]


def test_what_has_no_line_end_comes_out_at_the_end() -> None:
    lines = LineSplitter()
    assert lines.feed(b"half a line") == []
    assert lines.flush() == ["half a line"]
    assert lines.flush() == []


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    lines = LineSplitter()
    out = [line for _ in range(101) for line in lines.feed(b"x" * 10_000)]
    assert len(out) == 50
    assert len(lines.flush()[0]) == 10_000


def test_a_progress_bar_leaves_its_last_state() -> None:
    assert LineSplitter().feed(b"10 %\r50 %\r100 %\r\n") == ["100 %"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert LineSplitter().feed(b"\x1b]0;owned\x07 \x1b[2Jhello\tyou\x00\n") == ["]0;owned [2Jhello\tyou"]


def test_prefixes_are_aligned_and_plain_without_a_terminal() -> None:
    stream = io.StringIO()
    console = Console(stream, names=("gateway", "model small"), colour=False)
    console.line("gateway", "listening")
    console.line("model small", "loaded")
    console.say("ready")
    assert stream.getvalue() == "gateway     | listening\nmodel small | loaded\npointsman   | ready\n"


def test_prefixes_are_coloured_on_a_terminal() -> None:
    stream = io.StringIO()
    Console(stream, names=("gateway",), colour=True).line("gateway", "listening")
    assert stream.getvalue() == "\033[33mgateway   |\033[0m listening\n"


def test_a_terminal_that_went_away_is_not_an_error() -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    console = Console(Gone(), names=("gateway",), colour=False)
    console.line("gateway", "one")
    console.line("gateway", "two")


def test_a_log_file_keeps_the_one_before_and_stays_under_its_size(tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    path.write_text("earlier run\n")
    file = LogFile(path, most_bytes=1000)
    assert (tmp_path / "gateway.log.1").read_text() == "earlier run\n"
    for number in range(500):
        file.write(f"line {number}")
    file.close()
    kept = [(tmp_path / name).read_text() for name in ("gateway.log.1", "gateway.log")]
    assert all(0 < len(text) <= 1000 for text in kept)
    assert "".join(kept).splitlines()[-1] == "line 499"
    assert "earlier run" not in "".join(kept)
