"""Long work with its progress: told line by line to whoever can show it, or done in one go.

A browser with JavaScript asks for `application/x-ndjson` and gets a line of JSON for each step, and at the end where to
go or what was wrong. One without gets that alone, as any form does. The work is the same and runs to its end even when
the reader has gone.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

from flask import Response, copy_current_request_context, request

from portal.web.errors import describe_failure
from portal.web.htmx import redirect_browser

LINES = "application/x-ndjson"

log = logging.getLogger(__name__)


class UserError(Exception):
    """What a person did wrong; the message says what to change. `problems` by field, where there are several."""

    def __init__(self, message: str, problems: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or {}


def with_progress(work: Callable[[Advance], str], failed: Callable[[UserError], Any]) -> Any:
    """Do the work, which returns the address to go to and may raise Problem; `failed` shows a problem as a page."""
    if LINES not in request.headers.get("Accept", ""):
        try:
            return redirect_browser(work(lambda *_: None))
        except UserError as problem:
            return failed(problem)
    queue: SimpleQueue[dict[str, Any] | None] = SimpleQueue()

    @copy_current_request_context
    def run() -> None:
        try:
            queue.put({"to": work(lambda step, done, of: queue.put({"step": step, "done": done, "of": of}))})
        except UserError as problem:
            queue.put({"problem": str(problem), "problems": problem.problems})
        except Exception as error:
            log.exception("unexpected failure of long work")
            queue.put({"problem": describe_failure(error)})
        finally:
            queue.put(None)

    threading.Thread(target=run, daemon=True).start()

    def lines() -> Iterator[str]:
        while (line := queue.get()) is not None:
            yield json.dumps(line) + "\n"

    # A proxy must not keep the lines together until the end.
    return Response(lines(), mimetype=LINES, headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"})


Advance = Callable[[str, int, int], object]
