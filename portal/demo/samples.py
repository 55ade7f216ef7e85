"""Generate realistic batches for the demo account, with invented names and fictional phone numbers.

Every run generates the same data, except for the times, which are relative to now.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from portal.batches.actions import call_row
from portal.batches.settings import DEFAULT_RETRY_ON
from portal.ids import new_id
from portal.models import AttemptState, CallStatus, QueueStatus
from portal.times import DAY_MS, datetime_at

SEED = 1948
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
RETRY_DELAY_MS = HOUR_MS
SIMULATED_DELAY_SECONDS = 5  # between two attempts, for a user who watches

# The demo's trunk calls no one. A call takes a sixtieth of its time, so that a batch ends within a minute.
SIMULATOR = {"lines": 60, "perSecond": 20.0, "ringSeconds": 20}
SIMULATOR_SETTINGS = {"answer": 0.62, "speed": 60.0, "seed": 1948}
CALLER_NUMBERS = {"+12025550170": "Sales", "+12025550171": "Support"}
WORKER = "demo"
HISTORY_DAYS = 425  # fourteen months
PAST_BATCHES = 52

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}

# The language of a name, which decides how its month is spelled, and its template.
CAMPAIGNS = (
    ("en", "Payment reminder {month} {year}"),
    ("en", "Contract renewal {month} {year}"),
    ("en", "Win-back: lapsed over 90 days, {month} {year}"),
    ("fr", "Relance clients {month} {year}"),
    ("en", "NPS survey Q{quarter} {year}"),
    ("en", "Broadband upgrade, week {week} {year}"),
    ("pt", "Renovação de contrato {month} {year}"),
    ("en", "Appointment reminders, week {week} {year}"),
    ("en", "New tariff: business customers Q{quarter} {year}"),
    ("es", "Encuesta de satisfacción {month} {year}"),
    ("en", "Overdue invoices, second call, {month} {year}"),
    ("en", "Welcome call: new customers {month} {year}"),
    ("de", "Rückruf Neukunden {month} {year}"),
    ("en", "Car insurance {month} {year} (trial group)"),
    ("en", "Webinar follow-up {day} {month} {year}"),
    ("fr", "Enquête fidélité {month} {year}"),
    ("en", "Service recall, 1st round, {month} {year}"),
    ("en", "Card activation {month} {year}"),
)

# Recent batches: name, status, hours since creation, minutes since the last call, number of calls, share called.
RECENT = (
    ("Spring offer: early renewals", QueueStatus.ACTIVE, 3.2, 1, 412, 0.58),
    ("Payment reminder, second round", QueueStatus.ACTIVE, 26, 1, 236, 0.81),
    ("Campaña clientes nuevos: Málaga", QueueStatus.ACTIVE, 49, 2, 164, 0.34),
    ("Customer survey: after installation", QueueStatus.PAUSED, 30, 95, 303, 0.47),
    ("Relance été: abonnés fidèles", QueueStatus.PAUSED, 98, 1510, 188, 0.69),
    ("Loyalty club invitation", QueueStatus.PENDING, 1.4, 84, 240, 0),
    ("Kündiger-Rückgewinnung: Köln", QueueStatus.PENDING, 5.5, 330, 97, 0),
    ("VIP preview: 100% fibre", QueueStatus.PENDING, 27, 1620, 75, 0),
)
STOPPED_EVERY = 10  # one in ten past batches was stopped before its end

AREA_CODES = {
    "201": "Jersey City", "206": "Seattle", "212": "New York", "213": "Los Angeles", "214": "Dallas",
    "215": "Philadelphia", "216": "Cleveland", "303": "Denver", "305": "Miami", "312": "Chicago",
    "313": "Detroit", "314": "St. Louis", "404": "Atlanta", "410": "Baltimore", "412": "Pittsburgh",
    "414": "Milwaukee", "415": "San Francisco", "416": "Toronto", "418": "Québec", "502": "Louisville",
    "503": "Portland", "504": "New Orleans", "505": "Santa Fe", "512": "Austin", "514": "Montréal",
    "602": "Phoenix", "604": "Vancouver", "612": "Minneapolis", "614": "Columbus", "615": "Nashville",
    "617": "Boston", "619": "San Diego", "702": "Las Vegas", "713": "Houston", "787": "San Juan",
    "801": "Salt Lake City", "808": "Honolulu", "816": "Kansas City", "901": "Memphis", "907": "Anchorage",
}  # fmt: skip
NUMBERS_PER_CODE = 100  # 555-0100 to 555-0199 are reserved for fiction
SEGMENTS = ("new", "loyal", "lapsed", "business", "trial")

NOT_PICKED = (CallStatus.NO_ANSWER, CallStatus.BUSY, CallStatus.FAILED)
NOT_PICKED_WEIGHTS = (74, 19, 7)


@dataclass(frozen=True)
class SamplePlan:
    """The properties of a batch to generate. Times are milliseconds, shares from 0 to 1."""

    name: str
    status: QueueStatus
    created_at: int
    ended_at: int
    size: int
    called: float
    picked: float
    completed: float
    retry: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """Return the settings of the batch. An active one belongs to another dialer, so that nothing starts unasked.

        Callees' hours do not matter to a simulator: a batch can be started at any time of day.
        """
        if self.status is QueueStatus.ACTIVE:
            return {"retry": self.retry, "delay": RETRY_DELAY_MS // 1000}
        simulated = {"callingNumbers": list(CALLER_NUMBERS), "useCalleeZone": False}
        return simulated | ({"retry": self.retry, "delay": SIMULATED_DELAY_SECONDS} if self.retry else {})


def sample_plans(rng: random.Random, now: int) -> list[SamplePlan]:
    """Return the plans of all batches, oldest first; `now` is in milliseconds."""
    return [*past_plans(rng, now), *recent_plans(rng, now)]


def recent_plans(rng: random.Random, now: int) -> Iterator[SamplePlan]:
    """Yield active, paused and pending batches."""
    for name, status, hours, minutes, size, called in sorted(RECENT, key=lambda recent: -recent[2]):
        created, ended = now - int(hours * HOUR_MS), now - minutes * MINUTE_MS
        yield SamplePlan(name, status, created, ended, size, called, *sample_shares(rng), retry=2)


def past_plans(rng: random.Random, now: int) -> Iterator[SamplePlan]:
    """Yield completed and stopped batches: one about every eight days, created in the morning."""
    names: set[str] = set()
    for number in range(PAST_BATCHES):
        days = (HISTORY_DAYS - 5) * (PAST_BATCHES - number) / PAST_BATCHES + rng.uniform(0, 5)
        created = working_morning(rng, now - int(days * DAY_MS))
        size = 40 + int(860 * rng.betavariate(1.3, 3.6))
        stopped = number % STOPPED_EVERY == 6
        called = rng.uniform(0.2, 0.75) if stopped else 1
        ended = min(created + int((1 + size * called * rng.uniform(0.004, 0.01)) * HOUR_MS), now - 3 * HOUR_MS)
        status = QueueStatus.STOPPED if stopped else QueueStatus.COMPLETED
        name = past_name(created, number, names)
        yield SamplePlan(name, status, created, ended, size, called, *sample_shares(rng))


def sample_shares(rng: random.Random) -> tuple[float, float]:
    """Return the share of called contacts who answer, and the share of answered calls that are completed."""
    return rng.uniform(0.48, 0.79), rng.uniform(0.82, 0.96)


def working_morning(rng: random.Random, ms: int) -> int:
    """Return a time between 08:00 and 13:59 UTC on that day, or on the Friday before if it is a weekend."""
    weekend = max(datetime_at(ms, UTC).weekday() - 4, 0)
    return ms // DAY_MS * DAY_MS - weekend * DAY_MS + rng.randrange(8 * HOUR_MS, 14 * HOUR_MS, 1000)


def past_name(created: int, number: int, used: set[str]) -> str:
    """Return the next campaign name with a date that is not in `used`, and add it there."""
    day = datetime_at(created, UTC)
    candidates = [CAMPAIGNS[(number + offset) % len(CAMPAIGNS)] for offset in range(len(CAMPAIGNS))]
    name = next(
        name for language, template in candidates if (name := campaign_name(template, language, day)) not in used
    )
    used.add(name)
    return name


def campaign_name(template: str, language: str, day: datetime) -> str:
    """Fill the date into the template of a campaign name."""
    month = MONTHS[language].split()[day.month - 1]
    return template.format(
        day=day.day, month=month, year=day.year, quarter=(day.month + 2) // 3, week=day.isocalendar().week
    )


def sample_calls(
    rng: random.Random, plan: SamplePlan, batch_key: int
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield the calls of a batch as rows to insert, each contact once, with their attempts without the call's key."""
    called = round(plan.size * plan.called)
    for position, contact in enumerate(rng.sample(range(len(AREA_CODES) * NUMBERS_PER_CODE), plan.size)):
        code = list(AREA_CODES)[contact // NUMBERS_PER_CODE]
        phone_number = f"+1{code}55501{contact % NUMBERS_PER_CODE:02}"
        status = sample_status(rng, plan, position, called)
        number = sample_attempts(rng, status) if position < called else 0
        duration = sample_duration(rng, status)
        at = event_ms(plan, position, called, status)
        attempts = [
            attempt | {"phone_number": phone_number}
            for attempt in attempt_rows(rng, plan, status, number, at or 0, duration)
        ]
        is_waiting = number <= plan.retry and status in DEFAULT_RETRY_ON
        call = call_row(
            batch_key,
            phone_number,
            {"name": f"Contact {1000 + contact}", "city": AREA_CODES[code], "segment": rng.choice(SEGMENTS)},
            plan.created_at,
            status=CallStatus.PENDING if is_waiting else status,
            duration_seconds=duration,
            attempts=number,
            last_event_at=at,
            answered_at=attempts[-1]["answered_at"] if attempts else None,
            due_at=at + RETRY_DELAY_MS if is_waiting else 0,
        )
        yield call, attempts


def attempt_rows(
    rng: random.Random, plan: SamplePlan, status: CallStatus, number: int, at: int, duration: int
) -> Iterator[dict[str, Any]]:
    """Yield the attempts of a call as rows to insert; the last one has the status of the call, at that time."""
    spacing = min(RETRY_DELAY_MS, (at - plan.created_at) // max(number, 1))
    for remaining in reversed(range(number)):
        outcome = status if remaining == 0 else CallStatus(rng.choices(DEFAULT_RETRY_ON, (1, 4))[0])
        last_at = at - remaining * spacing
        begun_at = last_at - (duration if outcome.is_picked else 0) * 1000 - rng.randint(3, 12) * 1000
        answered_at = begun_at + 3000 if outcome.is_picked else None
        state = AttemptState.ENDED
        if outcome.is_open:
            state = AttemptState.ANSWERED if outcome.is_picked else AttemptState.PLACED
        yield {
            "id": new_id(),
            "number": number - remaining,
            "worker": None if outcome.is_open else WORKER,  # an open one would occupy a line
            "state": state,
            "taken_at": begun_at,
            "placed_at": begun_at,
            "answered_at": answered_at,
            "ended_at": None if outcome.is_open else last_at,
            "outcome": None if outcome.is_open else outcome,
            "duration_seconds": duration if outcome.is_picked else 0,
        }


def sample_status(rng: random.Random, plan: SamplePlan, position: int, called: int) -> CallStatus:
    """Return the status of the call at that position. The last few called in an active batch are still in progress."""
    if position >= called:
        return CallStatus.PENDING  # also in a stopped batch: it can be started again
    if plan.status is QueueStatus.ACTIVE and position >= called - 5:
        return CallStatus.IN_PROGRESS if position < called - 2 else CallStatus.DIALING
    if rng.random() >= plan.picked:
        return rng.choices(NOT_PICKED, NOT_PICKED_WEIGHTS)[0]
    return CallStatus.COMPLETED if rng.random() < plan.completed else CallStatus.DROPPED


def sample_duration(rng: random.Random, status: CallStatus) -> int:
    """Return the seconds talked; 0 if unanswered."""
    if status is CallStatus.COMPLETED:
        return round(min(max(rng.lognormvariate(4.9, 0.7), 15), 2400))
    return rng.randint(2, 14) if status is CallStatus.DROPPED else 0


def sample_attempts(rng: random.Random, status: CallStatus) -> int:
    """Return how often the contact was called: one or two times until an answer, otherwise up to three times."""
    answered = status in (CallStatus.COMPLETED, CallStatus.DROPPED)
    return rng.randint(1, 1 if answered else 3) + rng.choice((0, 0, 1)) * answered


def event_ms(plan: SamplePlan, position: int, called: int, status: CallStatus) -> int | None:
    """Return the time of the last event of a call: spread evenly until the end of the batch, None if pending."""
    if status is CallStatus.PENDING:
        return None
    return plan.created_at + (plan.ended_at - plan.created_at) * min(position + 1, called) // called
