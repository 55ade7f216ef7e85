"""An emergency stop while sixty calls ring: after two seconds nothing rings, and nothing starts."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from portal.dialing import stops
from portal.dialing.engines.simulator import SimulatorEngine
from tests.trials.app import break_server
from tests.trials.dialed import Campaign, phone_numbers
from tests.trials.trial import Conditions, Outcome, Trial

RINGING = 60
CONTACTS = 200
ALLOWED_SECONDS = 2.0
WATCHED_SECONDS = 2.0  # afterwards
LIMIT_SECONDS = 60
SLOW = {"answer": 0.0, "speed": 1.0, "seed": 1}  # most callees let it ring until the end of the ring time


def run(conditions: Conditions) -> Outcome:
    """Stop and resume calls in turn."""
    failures: list[str] = []
    slowest = 0.0
    with conditions.app() as app, TemporaryDirectory(prefix="portal-trial-") as folder:
        campaign = Campaign(conditions, app, Path(folder))
        trunk = campaign.add_trunk(settings=SLOW, ring_seconds=120, lines=100)
        engine = SimulatorEngine(str(Path(folder) / "simulators" / f"{trunk.id}.sqlite3"), SLOW)
        with campaign.dialer():
            for number in range(conditions.count):
                campaign.start_batch(f"Round {number}", phone_numbers(CONTACTS), retry=0)
                failures += wait_for_ringing(campaign)
                with app.app_context():
                    stops.stop(campaign.by, "trial")
                    began = time.monotonic()
                seconds = wait_for_silence(engine, began)
                slowest = max(slowest, seconds)
                if seconds > ALLOWED_SECONDS:
                    failures.append(f"round {number}: calls rang {seconds:.1f} s after the stop")
                placed = len(campaign.read_simulators())
                time.sleep(WATCHED_SECONDS)
                if count_live(engine) or len(campaign.read_simulators()) > placed:
                    failures.append(f"round {number}: a call was placed after the stop")
                conditions.report_progress(f"{number + 1} stops, slowest {slowest:.2f} s")
                with app.app_context():
                    stops.resume(campaign.by)
                if conditions.should_stop(failures):
                    break
        engine.close()
    return Outcome(conditions.count, failures, {"slowest": f"{slowest:.2f} s"})


def count_live(engine: SimulatorEngine) -> int:
    """Return how many calls of an engine go on."""
    return sum(record is None for _, record in engine.records())


def wait_for_ringing(campaign: Campaign) -> list[str]:
    """Wait until sixty calls ring at the same time; return a failure if that takes too long."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while sum(attempt.state == "ringing" for attempt in campaign.fetch_attempts()) < RINGING:
        if time.monotonic() > deadline:
            return [f"{RINGING} calls did not ring at the same time"]
        time.sleep(0.1)
    return []


def wait_for_silence(engine: SimulatorEngine, began: float) -> float:
    """Return the seconds since `began` until no call goes on, at most a few more than allowed."""
    while count_live(engine) and time.monotonic() < began + 3 * ALLOWED_SECONDS:
        time.sleep(0.02)
    return time.monotonic() - began


TRIAL = Trial(
    name="emergency_stops",
    title="emergency stop with 60 ringing calls",
    passes_when=f"nothing rings after {ALLOWED_SECONDS} s; nothing starts",
    unit="stops",
    full=10,
    short=1,
    run=run,
    starts_servers=True,
    defects={"calls that ring are not hung up": partial(break_server, "never hangs up")},
)
