"""What the terminal says once everything is ready, down to the first answer of a model."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import httpx

from services.up.identity import seconds_since_start
from services.up.logs import Console
from services.up.site import Site

_FIRST_QUESTION = {"model": "small", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
_FIRST_ANSWER_SECONDS = 300.0
"""A busy machine can fall to one token a second."""


def invitation(site: Site, *, key_needed: bool) -> str:
    """Say where everything is, and what to try."""
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "What is 17% of 3,482?"}]})
    key = '-H "authorization: Bearer $POINTSMAN_API_KEY" ' if key_needed else ""
    url = f"{site.gateway_url}/v1/chat/completions"
    return "\n".join(
        (
            "",
            "Pointsman is ready.",
            *([f"  dashboard  {site.dashboard_url}"] if site.dashboard_url else []),
            f"  gateway    {site.gateway_url}",
            f"  try        curl -s {url} {key}-H 'content-type: application/json' -d {shlex.quote(body)}",
            f'             {_command()} ask "Explain in one sentence why the sky is blue"',
            "  stop       Ctrl-C",
            "",
        )
    )


def _command() -> str:
    """How this user calls `pointsman`: by its name, where the shell finds it."""
    program = Path(sys.executable).with_name("pointsman")
    on_path = shutil.which("pointsman")
    if on_path and Path(on_path).samefile(program):
        return "pointsman"
    here = Path.cwd()
    return str(program.relative_to(here)) if program.is_relative_to(here) else str(program)


async def greet(site: Site, *, api_key: str | None, key_needed: bool, console: Console) -> None:
    """Invite to use it, and measure how long the first answer took from the start of this process."""
    console.show(invitation(site, key_needed=key_needed))
    if site.model_ports:
        console.say(await _first_answer(site.gateway_url, api_key))


async def _first_answer(gateway: str, api_key: str | None) -> str:
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_FIRST_ANSWER_SECONDS) as client:
            answer = await client.post(f"{gateway}/v1/chat/completions", json=_FIRST_QUESTION, headers=headers)
            answer.raise_for_status()
    except httpx.HTTPStatusError as refused:
        return f"no first model answer: HTTP {refused.response.status_code}: {refused.response.text[:200]}"
    except httpx.RequestError as problem:
        return f"no first model answer: {problem!r}"
    return f"first model answer after {seconds_since_start():.1f} s"
