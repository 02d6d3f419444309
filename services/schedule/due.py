"""When a schedule is due: the arithmetic of intervals, cron lines and single times, in the schedule's own zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from agents.errors import InvalidTask
from services.records import Schedule

SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 10 * 366 * 86_400.0
MOST_MISSED = 1000
"""Due times that one tick looks at; the rest is left to the next one."""


def validate(schedule: Schedule) -> None:
    """Refuse a schedule that could never be due.

    Raises:
        InvalidTask: none or several of `every`, `cron` and `at` are given, or one is not usable.
    """
    given = [name for name in ("every", "cron", "at") if getattr(schedule, name) is not None]
    if len(given) != 1:
        named = ", ".join(given) or "none of them"
        raise InvalidTask(f"a schedule has exactly one of 'every', 'cron' and 'at'; given: {named}", param="every")
    try:
        ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"timezone '{schedule.timezone}' is not known; an example is 'Europe/Zurich'"
        raise InvalidTask(message, param="timezone") from error
    if schedule.every is not None and not SHORTEST_SECONDS <= schedule.every <= LONGEST_SECONDS:
        message = f"every={schedule.every} is not between {SHORTEST_SECONDS:g} and {LONGEST_SECONDS:g} seconds"
        raise InvalidTask(message, param="every")
    if schedule.cron is not None:
        try:
            CronSim(schedule.cron, schedule.created_at)
        except CronSimError as error:
            message = f"cron '{schedule.cron}' cannot be read ({error}); an example is '0 7 * * 1-5'"
            raise InvalidTask(message, param="cron") from error


def first_due(schedule: Schedule) -> datetime | None:
    """The first due time after the schedule was made."""
    if schedule.at is not None:
        at = schedule.at if schedule.at.tzinfo else schedule.at.replace(tzinfo=ZoneInfo(schedule.timezone))
        return at.astimezone(UTC)
    return next_due(schedule, schedule.created_at)


def next_due(schedule: Schedule, after: datetime) -> datetime | None:
    """The first due time later than `after`; None if there is none."""
    if schedule.every is not None:
        gone = (after - schedule.created_at) / timedelta(seconds=schedule.every)
        return schedule.created_at + timedelta(seconds=schedule.every) * (int(gone) + 1)
    if schedule.cron is not None:
        try:
            return next(CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.timezone)))).astimezone(UTC)
        except StopIteration:
            return None
    return None


def due_times(schedule: Schedule, now: datetime) -> list[datetime]:
    """The due times that have come and have no slot yet, oldest first."""
    times: list[datetime] = []
    due = schedule.next_due_at
    while due is not None and due <= now and len(times) < MOST_MISSED:
        times.append(due)
        due = next_due(schedule, due)
    return times
