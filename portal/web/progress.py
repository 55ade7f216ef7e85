"""Long work with progress reports.

A browser with JavaScript sends `Accept: application/x-ndjson` and gets a line of JSON for each step, then one with the
redirect or the error. Without JavaScript, the form gets only the result.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from flask import Response, copy_current_request_context, request
from flask_login import current_user

from portal.limits import file_slots
from portal.limits.file_slots import NoFileSlot
from portal.web.client_connection import ClientGone, stop_if_client_gone
from portal.web.errors import describe_failure
from portal.web.htmx import redirect_browser

NDJSON = "application/x-ndjson"
SILENCE_SECONDS = 1.0
Advance = Callable[[str, int, int], object]  # called with the step, the count done and the total

log = logging.getLogger(__name__)


class UserError(Exception):
    """A mistake of the user; the message says what to change, and `problems` does so for each field."""

    def __init__(self, message: str, problems: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or {}


def with_progress(work: Callable[[Advance], str], render_failure: Callable[[UserError], Any]) -> Any:
    """Run the work on a contact file, and report its progress if the request asks for it.

    The work returns the URL to redirect to or raises UserError. It stops, and changes nothing, if the client goes away.
    Raises NoFileSlot if too many files are being read.
    """
    if NDJSON in request.headers.get("Accept", ""):
        return stream_progress(work)
    with file_slots.reserve(current_user.key):
        try:
            return redirect_browser(work(stop_if_client_gone))
        except UserError as error:
            return render_failure(error)


def stream_progress(work: Callable[[Advance], str]) -> Response:
    """Run the work in a thread of its own, which holds the file slot, and stream its steps and its result."""
    try:
        slot = file_slots.acquire(current_user.key)
    except NoFileSlot as error:
        return ndjson_response([report_line(problem=error.page_message)])
    queue: SimpleQueue[str | None] = SimpleQueue()
    is_abandoned = threading.Event()

    def advance(step: str, done: int, of: int) -> None:
        if is_abandoned.is_set():
            raise ClientGone
        stop_if_client_gone()
        queue.put(report_line(step=step, done=done, of=of))

    @copy_current_request_context
    def run() -> None:
        result = run_work(work, advance)
        slot.release()  # before the result is sent: the client may send the next file at once
        queue.put(result)
        queue.put(None)

    threading.Thread(target=run, daemon=True).start()
    return ndjson_response(read_lines(queue, is_abandoned))


def run_work(work: Callable[[Advance], str], advance: Advance) -> str:
    """Run the work and return the line with its result or its failure."""
    try:
        return report_line(to=work(advance))
    except UserError as error:
        return report_line(problem=str(error), problems=error.problems)
    except ClientGone:
        log.info("stopped work on a file because its client has gone")
        return ""
    except Exception as error:
        log.exception("unexpected failure of long work")
        return report_line(problem=describe_failure(error))


def report_line(**report: Any) -> str:
    """Return a report as a line of JSON."""
    return json.dumps(report) + "\n"


def read_lines(queue: SimpleQueue[str | None], is_abandoned: threading.Event) -> Iterator[str]:
    """Iterate over the lines of the queue. Blank lines, which readers ignore, show that the client is still there."""
    try:
        while True:
            try:
                line = queue.get(timeout=SILENCE_SECONDS)
            except Empty:
                line = "\n"
            if line is None:
                return
            yield line
    finally:
        is_abandoned.set()


def ndjson_response(lines: Iterable[str]) -> Response:
    """Return a stream of lines. X-Accel-Buffering: a proxy must pass each line on at once."""
    return Response(lines, mimetype=NDJSON, headers={"X-Accel-Buffering": "no"})
