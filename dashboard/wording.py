"""Numbers and times as a reader wants them: short, with their unit."""

import re
from datetime import UTC, datetime
from itertools import cycle

from dashboard.shapes import Schedule

_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
_STEPS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def from_now(moment: datetime, *, now: datetime) -> str:
    """`in 5 min`, `3 h ago`."""
    seconds = (moment - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    size, unit = next((step for step in _STEPS if abs(seconds) >= step[0]), (1, "s"))
    count = round(abs(seconds) / size)
    return f"in {count} {unit}" if seconds >= 0 else f"{count} {unit} ago"


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def timing(schedule: Schedule) -> str:
    """When a schedule is due, in words."""
    if schedule.every is not None:
        size, unit = next((step for step in _STEPS if schedule.every % step[0] == 0), (1, "s"))
        return f"every {schedule.every / size:g} {unit}"
    zone = f" ({schedule.timezone})" if schedule.timezone else ""
    if schedule.cron:
        return f"cron {schedule.cron}{zone}"
    if schedule.at is None:
        return "never"
    return f"once at {moment(schedule.at) if schedule.at.tzinfo else f'{schedule.at:%Y-%m-%d %H:%M}'}{zone}"


def literal(text: str) -> str:
    """Somebody's words for a place that reads Markdown, with every mark of it made harmless."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()<>#+-!|$:~" else sign for sign in text)


def plain(text: str) -> str:
    """Somebody's words for a label, which is read out as it is written: every mark of Markdown left out."""
    return "".join(" " if sign in "\\`*_[]<>#!|$:~" else sign for sign in text)


def harmless_markdown(text: str) -> str:
    """A model's Markdown that fetches nothing, since a picture tells its address who reads; a dollar is no formula."""
    outside_and_inside_code = _CODE.split(text.replace("![", "!\u200b["))
    return "".join(
        part if inside else part.replace("$", "\\$")
        for inside, part in zip(cycle((False, True)), outside_and_inside_code)
    )
