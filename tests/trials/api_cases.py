"""The API against its own OpenAPI document, with all checks of schemathesis, single requests and sequences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.transport.wsgi import WSGITransport

from portal.api import document, pages
from portal.batches import query as batches_query
from tests.trials.fixtures import Fixtures
from tests.trials.trial import Conditions, Outcome, Trial

# A request can fit the document and still be invalid: phone numbers, time zones, JSON within a text, parameters that
# exclude each other, rows of a contact file.
VALID_STATUSES = ["2xx", "304", "400", "401", "403", "404", "409", "413", "414", "422", "429"]

# schemathesis' own list lacks 413 and 414: the portal refuses long requests before it reads them.
INVALID_STATUSES = ["400", "401", "403", "404", "405", "409", "413", "414", "415", "422", "429"]

# Options of a network connection: schemathesis 4.32 passes them to werkzeug, which has none, when it repeats a request
# without its token.
NETWORK_OPTIONS = ("max_redirects", "verify", "cert", "proxies")


def run(conditions: Conditions) -> Outcome:
    """Run rounds with different seeds until there are enough cases."""
    with conditions.app() as app, within_process():
        fixtures = Fixtures(app, conditions.monitor)
        failures: dict[str, None] = {}
        phases: Counter[str] = Counter()
        rounds = 0
        while phases.total() < conditions.max_count and not conditions.should_stop(list(failures)):
            config = create_config(fixtures, conditions, seed=conditions.seed + rounds)
            run_round(app, config, conditions, failures, phases)
            rounds += 1
            conditions.report_progress(f"{phases.total():,} cases, {len(failures)} failures")
        return Outcome(phases.total(), list(failures), {**phases, "rounds": rounds})


@contextmanager
def within_process() -> Iterator[None]:
    """Let schemathesis call the app within this process."""
    original = WSGITransport.send

    def send(self: WSGITransport, case: Any, **options: Any) -> Any:
        return original(self, case, **{name: value for name, value in options.items() if name not in NETWORK_OPTIONS})

    with patch.object(WSGITransport, "send", send):
        yield


def create_config(fixtures: Fixtures, conditions: Conditions, seed: int) -> SchemathesisConfig:
    """Return the configuration: all checks, as the owner.

    A short form is deterministic and leaves out checks that a schema cannot decide for random data.
    """
    full = conditions.full
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "headers": {
                "Authorization": f"Bearer {fixtures.owner.tokens['good']}",
                "Accept-Encoding": "identity",  # schemathesis does not decompress answers of an app
            },
            "parameters": {"path.userId": fixtures.owner.user.id},
            "continue-on-failure": True,
            "generation": {
                "max-examples": 100 if full else 3,
                "database": "none",
                "no-shrink": True,
                "deterministic": not full,
            },
            "checks": {
                "positive_data_acceptance": {"enabled": full, "expected-statuses": VALID_STATUSES},
                "negative_data_rejection": {"enabled": full, "expected-statuses": INVALID_STATUSES},
            },
            "phases": {"coverage": {"enabled": full}},
        }
    )


def run_round(
    app: Flask, config: SchemathesisConfig, conditions: Conditions, failures: dict[str, None], phases: Counter[str]
) -> None:
    """Run every phase once; each failure is recorded once per operation, check and reason."""
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app, config=config)
    stream = from_schema(schema).execute()
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            phases[event.phase.name.lower()] += len(event.recorder.interactions)
            failures |= dict.fromkeys(failed_checks(event))
        elif isinstance(event, events.NonFatalError | events.FatalError):
            failures[f"schemathesis: {getattr(event, 'value', None) or getattr(event, 'exception', event)}"[:300]] = (
                None
            )
        if conditions.should_stop(list(failures)):
            stream.stop()


def failed_checks(event: events.ScenarioFinished) -> Iterator[str]:
    """Return each failed check with its request and the reason."""
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            case = event.recorder.cases[case_id].value
            if check.failure_info and not (check.name == "negative_data_rejection" and sends_empty_parameter(case)):
                failure = check.failure_info.failure
                message = " ".join(f"{failure.title}: {failure.message}".split())
                request = f"{event.recorder.label} {case.query or ''} {case.body!r}"[:300]
                yield f"{event.phase.name.lower()}: {check.name}: {message[:300]} ({request})"


def sends_empty_parameter(case: Any) -> bool:
    """Return whether an empty parameter is sent: it counts as missing (contract, section 1), unlike in any schema."""
    return any(value in ("", [], [""]) for value in (case.query or {}).values())


# --- defects ----------------------------------------------------------------------------------------------------------


@contextmanager
def hide_a_status() -> Iterator[None]:
    """Leave a status out of the document, which is built once for each app."""
    pages.read_document.cache_clear()
    with patch.object(document, "COMMON_ERRORS", {500: ()}):
        yield
    pages.read_document.cache_clear()


@contextmanager
def fail_the_list() -> Iterator[None]:
    """Let the list fail."""

    def fails(*_: object) -> None:
        raise RuntimeError("broken")

    with patch.object(batches_query, "fetch_page", fails):
        yield


TRIAL = Trial(
    name="api-cases",
    title="schemathesis on the OpenAPI document, all checks, stateful",
    passes_when="no failure, every status documented",
    unit="cases",
    full=20_000,
    short=60,
    run=run,
    defects={"a status is not in the document": hide_a_status, "the list fails": fail_the_list},
)
