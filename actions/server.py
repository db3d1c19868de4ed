"""The action server: what `rasa run actions` serves, over an executor that also answers ahead.

It trusts whoever calls it, so it tells a caller what went wrong in a word: Rasa's own sends the conversation back.
"""

from __future__ import annotations

import gc
import logging

from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException
from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, json
from sqlalchemy.orm import configure_mappers

from actions import answers
from actions.ahead import Executor
from machine import huge_pages
from shop import wording

logger = logging.getLogger(__name__)


def app() -> Sanic:
    """The server with every action of this package."""
    executor = Executor()
    executor.register_package("actions")
    server = Sanic("actions", configure_logging=False)

    @server.before_server_start
    async def keep_what_is_loaded(*_: object) -> None:
        for prepare in (answers.lexicon, wording.words, configure_mappers):
            prepare()  # now, rather than while the first customer waits
        huge_pages.gather()
        gc.freeze()  # looking through it for garbage would hold up a message now and then

    @server.get("/health")
    async def health(_: Request) -> HTTPResponse:
        return json({"status": "ok"})

    @server.post("/webhook")
    async def webhook(request: Request) -> HTTPResponse:
        call = request.json
        if not isinstance(call, dict) or "next_action" not in call:
            return json({"error": "This takes the JSON of an action call."}, status=400)
        try:
            return json(await executor.run(call))
        except ActionExecutionRejection as rejection:
            return json({"error": rejection.message, "action_name": rejection.action_name}, status=400)
        except ActionNotFoundException as unknown:
            return json({"error": unknown.message, "action_name": unknown.action_name}, status=404)

    return server
