"""The API against its own OpenAPI document, by schemathesis: every check, single requests and whole stories."""

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

from portal.api import openapi
from portal.batches import query as batches_query
from tests.trials.trial import Conditions, Outcome, Trial
from tests.trials.world import World

# What the document cannot say and a request can still get wrong: phone numbers that are none, zones that are nowhere,
# JSON within a text, parameters that exclude one another; and the rows of a contact file.
MORE_THAN_SCHEMA = ["2xx", "304", "400", "401", "403", "404", "409", "413", "414", "422", "429"]

# schemathesis' own list lacks 413 and 414: what is too long is refused before it is read.
REFUSED = ["400", "401", "403", "404", "405", "409", "413", "414", "415", "422", "429"]

# What a network has and a call within the process has not: schemathesis 4.32 hands it to werkzeug all the same, when
# it repeats a request without its token.
OF_A_NETWORK = ("max_redirects", "verify", "cert", "proxies")


def run(conditions: Conditions) -> Outcome:
    """So many cases at least, in rounds with another seed each."""
    with conditions.app() as app, within_process():
        world = World(app, conditions.watch)
        failures: dict[str, None] = {}
        phases: Counter[str] = Counter()
        rounds = 0
        while phases.total() < conditions.most and not conditions.enough(list(failures)):
            config = configured(world, conditions, seed=conditions.seed + rounds)
            one_round(app, config, conditions, failures, phases)
            rounds += 1
            conditions.tell(f"{phases.total():,} cases, {len(failures)} failures")
        return Outcome(phases.total(), list(failures), {**phases, "rounds": rounds})


@contextmanager
def within_process() -> Iterator[None]:
    """schemathesis calls the app itself."""
    right = WSGITransport.send

    def send(self: WSGITransport, case: Any, **given: Any) -> Any:
        return right(self, case, **{name: value for name, value in given.items() if name not in OF_A_NETWORK})

    with patch.object(WSGITransport, "send", send):
        yield


def configured(world: World, conditions: Conditions, seed: int) -> SchemathesisConfig:
    """All checks, as the owner. A short form leaves out those that judge what was made at random against what a schema
    can say, and is the same every time."""
    full = conditions.full
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "headers": {"Authorization": f"Bearer {world.owner.tokens['good']}"},
            "parameters": {"path.userId": world.owner.user.id},
            "continue-on-failure": True,
            "generation": {
                "max-examples": 100 if full else 3,
                "database": "none",
                "no-shrink": True,
                "deterministic": not full,
            },
            "checks": {
                "positive_data_acceptance": {"enabled": full, "expected-statuses": MORE_THAN_SCHEMA},
                "negative_data_rejection": {"enabled": full, "expected-statuses": REFUSED},
            },
            "phases": {"coverage": {"enabled": full}},
        }
    )


def one_round(
    app: Flask, config: SchemathesisConfig, conditions: Conditions, failures: dict[str, None], phases: Counter[str]
) -> None:
    """Every phase once; what fails is noted once for each operation, check and reason."""
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app, config=config)
    stream = from_schema(schema).execute()
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            phases[event.phase.name.lower()] += len(event.recorder.interactions)
            failures |= dict.fromkeys(failed(event))
        elif isinstance(event, events.NonFatalError | events.FatalError):
            failures[f"schemathesis: {getattr(event, 'value', None) or getattr(event, 'exception', event)}"[:300]] = (
                None
            )
        if conditions.enough(list(failures)):
            stream.stop()


def failed(event: events.ScenarioFinished) -> Iterator[str]:
    """Each check that failed, with what was asked and what is wrong with the answer."""
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            case = event.recorder.cases[case_id].value
            if check.failure_info and not (check.name == "negative_data_rejection" and sends_empty(case)):
                failure = check.failure_info.failure
                words = " ".join(f"{failure.title}: {failure.message}".split())
                asked = f"{event.recorder.label} {case.query or ''} {case.body!r}"[:300]
                yield f"{event.phase.name.lower()}: {check.name}: {words[:300]} ({asked})"


def sends_empty(case: Any) -> bool:
    """Whether an empty parameter is sent: it counts as not given (contract, section 1), which no schema can say."""
    return any(value in ("", [], [""]) for value in (case.query or {}).values())


# --- broken portals ---------------------------------------------------------------------------------------------------


@contextmanager
def without_a_status() -> Iterator[None]:
    """The document forgets an answer that the API gives."""
    with patch.object(openapi, "ALWAYS", {500: ()}):
        yield


@contextmanager
def with_a_failing_list() -> Iterator[None]:
    """The list fails."""

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
    broken={"a status is not in the document": without_a_status, "the list fails": with_a_failing_list},
)
