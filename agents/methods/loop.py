"""Reasons, acts with tools, looks at what they gave back, and goes on until it can answer.

ReAct (Yao et al. 2023, arXiv 2210.03629), with the tool calls in the model's own format instead of in prose, a bound on
the rounds, and one chance to mend arguments that no tool could take.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from agents.asking import answer_from, request_for
from agents.checks.json_schema import errors
from agents.context import Context, Tool, ToolResult, call_model, call_tool
from agents.errors import InvalidTask, MalformedOutput, NotFound
from agents.model import Completion, ModelRequest
from agents.records import Answer, ChatMessage, Choice, Effort, Json, Task, ToolCall

IN_FORM = "Give this answer once more, in the form that was asked for and with nothing else."


@dataclass(frozen=True)
class Loop:
    """At most `max_rounds` calls, the last of them without tools; one more where the answer has to follow a schema."""

    model: str
    effort: Effort
    tools: tuple[str, ...]
    max_rounds: int = 8

    async def answer(self, task: Task, context: Context) -> Answer:
        if task.tools:
            raise InvalidTask(
                "the method 'loop' carries out its own tools; ask for 'direct' to get calls of yours", param="tools"
            )
        quiet = context.silent()
        asked = request_for(task, self.effort)
        talked, completion = await self._work(self._with_tools(asked, context.tools), quiet)
        if asked.response_schema is not None or asked.json_object:
            completion = await self._in_form(asked, talked, completion.choices[0], quiet)
        if context.on_text:
            await context.on_text(completion.choices[0].text)
        return answer_from(completion)

    def _with_tools(self, asked: ModelRequest, tools: Mapping[str, Tool]) -> ModelRequest:
        for name in self.tools:
            if name not in tools:
                raise NotFound(f"there is no tool {name!r}; there are: {', '.join(sorted(tools))}", param="tools")
        return asked.model_copy(
            update={
                "tools": tuple(tools[name].spec for name in self.tools),
                "response_schema": None,
                "json_object": False,
                "sampling": asked.sampling.model_copy(update={"n": 1}),
            }
        )

    async def _work(self, request: ModelRequest, context: Context) -> tuple[tuple[ChatMessage, ...], Completion]:
        messages = request.messages
        told = False
        for number in range(self.max_rounds):
            last = number == self.max_rounds - 1
            completion = await call_model(
                context,
                self.model,
                request.model_copy(update={"messages": messages, "tool_choice": "none" if last else "auto"}),
                key=f"model.{number}",
            )
            choice = completion.choices[0]
            if not choice.tool_calls:
                return messages, completion
            if last:
                break
            seen, malformed = await self._act(choice, context, key=f"tool.{number}")
            if malformed and told:
                raise MalformedOutput(f"{self.model} calls tools with arguments that none can take: {malformed}")
            told = told or malformed is not None
            messages = (*messages, *seen)
        raise MalformedOutput(f"{self.model} still calls tools after {self.max_rounds} rounds")

    async def _act(self, choice: Choice, context: Context, *, key: str) -> tuple[list[ChatMessage], str | None]:
        """Carry out the calls in order; give what was said and seen, and what was wrong with a call, if one was."""
        calls: list[ToolCall] = []
        results: list[ChatMessage] = []
        malformed: str | None = None
        for number, call in enumerate(choice.tool_calls):
            try:
                arguments = self._arguments(call, context.tools)
            except MalformedOutput as error:
                malformed = str(error)
                # Servers refuse a whole conversation for one call that is not JSON.
                call = call.model_copy(update={"arguments": "{}"})
                result = ToolResult(text=malformed, failed=True)
            else:
                result = await call_tool(context, call.name, arguments, key=f"{key}.{number}")
            calls.append(call)
            results.append(ChatMessage(role="tool", content=result.text, tool_call_id=call.id, name=call.name))
        said = ChatMessage(role="assistant", content=choice.text, tool_calls=tuple(calls))
        return [said, *results], malformed

    def _arguments(self, call: ToolCall, tools: Mapping[str, Tool]) -> Json:
        if call.name not in self.tools:
            raise MalformedOutput(f"there is no tool {call.name!r}; there are: {', '.join(self.tools)}")
        try:
            arguments = json.loads(call.arguments or "{}")
        except (ValueError, RecursionError) as error:
            raise MalformedOutput(f"the arguments are not JSON: {call.arguments[:200]!r}: {error}") from error
        if not isinstance(arguments, dict):
            raise MalformedOutput(f"the arguments are not a JSON object: {call.arguments[:200]!r}")
        problem = next(errors(tools[call.name].spec.parameters, cast("Json", arguments)), None)
        if problem is not None:
            raise MalformedOutput(f"the arguments do not fit {call.name}: {problem.json_path}: {problem.message}")
        return cast("Json", arguments)

    async def _in_form(
        self, asked: ModelRequest, messages: tuple[ChatMessage, ...], choice: Choice, context: Context
    ) -> Completion:
        talked = (
            *messages,
            ChatMessage(role="assistant", content=choice.text),
            ChatMessage(role="user", content=IN_FORM),
        )
        request = asked.model_copy(update={"messages": talked})
        return await call_model(context, self.model, request, key="model.form")
