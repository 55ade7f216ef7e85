"""Long work with progress reports.

A browser with JavaScript sends `Accept: application/x-ndjson` and gets a line of JSON for each step, then one with the
redirect or the error. Without JavaScript, the form gets only the result. The work always runs to its end, even if the
client disconnects.
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

NDJSON = "application/x-ndjson"
Advance = Callable[[str, int, int], object]  # called with the step, the count done and the total

log = logging.getLogger(__name__)


class UserError(Exception):
    """A mistake of the user; the message says what to change, and `problems` does so for each field."""

    def __init__(self, message: str, problems: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or {}


def with_progress(work: Callable[[Advance], str], render_failure: Callable[[UserError], Any]) -> Any:
    """Run the work, which returns the URL to redirect to or raises UserError, and report its progress if requested."""
    if NDJSON not in request.headers.get("Accept", ""):
        try:
            return redirect_browser(work(lambda *_: None))
        except UserError as error:
            return render_failure(error)
    queue: SimpleQueue[dict[str, Any] | None] = SimpleQueue()

    @copy_current_request_context
    def run() -> None:
        try:
            queue.put({"to": work(lambda step, done, of: queue.put({"step": step, "done": done, "of": of}))})
        except UserError as error:
            queue.put({"problem": str(error), "problems": error.problems})
        except Exception as error:
            log.exception("unexpected failure of long work")
            queue.put({"problem": describe_failure(error)})
        finally:
            queue.put(None)

    threading.Thread(target=run, daemon=True).start()

    def lines() -> Iterator[str]:
        while (line := queue.get()) is not None:
            yield json.dumps(line) + "\n"

    # X-Accel-Buffering: a proxy must pass each line on at once.
    return Response(lines(), mimetype=NDJSON, headers={"X-Accel-Buffering": "no"})
