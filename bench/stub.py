"""A model server that answers at once: what is measured through it is everything but the model."""

import json
import sys
from collections.abc import AsyncGenerator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import StreamingResponse

WORDS = ("Light ", "of short ", "waves ", "scatters ", "more.")
USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}

app = FastAPI()


@app.get("/v1/models")
async def models() -> dict[str, Any]:
    return {"object": "list", "data": [{"id": "stub", "object": "model", "created": 0, "owned_by": "bench"}]}


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/chat/completions")
async def chat(request: Request) -> StreamingResponse:
    await request.json()
    return StreamingResponse(_events(), media_type="text/event-stream")


async def _events() -> AsyncGenerator[str]:
    head = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "stub"}
    for number, word in enumerate(WORDS):
        delta = {"role": "assistant", "content": word} if number == 0 else {"content": word}
        yield _data(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _data(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    yield _data(head | {"choices": [], "usage": USAGE})
    yield "data: [DONE]\n\n"


def _data(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value)}\n\n"


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
