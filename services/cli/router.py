"""`pointsman router`: score prompts by the line, calibrate on one's own, and judge how well prompts are routed."""

import click

from services.cli.lazy import Entry, LazyGroup

COMMANDS: dict[str, Entry] = {
    "score": Entry("services.cli.router_score:score", "Say of each line's prompt how hard it is, and its plan."),
    "calibrate": Entry("services.cli.router_calibrate:calibrate", "Ask your own prompts of every rung, and learn."),
    "evaluate": Entry("services.cli.router_evaluate:evaluate", "Judge the router, with intervals and a plot."),
}


@click.group(cls=LazyGroup, table=COMMANDS, no_args_is_help=True)
def router() -> None:
    """Score prompts, calibrate on your own, or evaluate how well prompts are routed."""
