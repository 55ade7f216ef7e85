"""A believable set of batches for the demo account: invented names, fictional numbers, the same at every run.

Only the moments differ, since they are counted back from now: a portal that is tried out should look alive.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from portal.batches.actions import BatchImport
from portal.models import CallStatus, QueueStatus
from portal.times import DAY_MS, datetime_at

SEED = 1948
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
HISTORY_DAYS = 425  # fourteen months
PAST_BATCHES = 52

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}

# As a campaign manager would write them; the language tells how its months are spelled.
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

# What goes on now: name, status, hours since it was made, minutes since its last call, size, share called.
RECENT = (
    ("Spring offer: early renewals", QueueStatus.ACTIVE, 3.2, 1, 412, 0.58),
    ("Payment reminder, second round", QueueStatus.ACTIVE, 26, 4, 236, 0.81),
    ("Campaña clientes nuevos: Málaga", QueueStatus.ACTIVE, 49, 38, 164, 0.34),
    ("Customer survey: after installation", QueueStatus.PAUSED, 30, 95, 303, 0.47),
    ("Relance été: abonnés fidèles", QueueStatus.PAUSED, 98, 1510, 188, 0.69),
    ("Loyalty club invitation", QueueStatus.PENDING, 1.4, 84, 540, 0),
    ("Kündiger-Rückgewinnung: Köln", QueueStatus.PENDING, 5.5, 330, 97, 0),
    ("VIP preview: 100% fibre", QueueStatus.PENDING, 27, 1620, 75, 0),
)
STOPPED_EVERY = 10  # of the past batches, one in so many was stopped before its end

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
NUMBERS_PER_CODE = 100  # 555-0100 to 555-0199 are kept for fiction
SEGMENTS = ("new", "loyal", "lapsed", "business", "trial")

NOT_PICKED = (CallStatus.NO_ANSWER, CallStatus.BUSY, CallStatus.FAILED)
NOT_PICKED_WEIGHTS = (74, 19, 7)


@dataclass(frozen=True)
class SamplePlan:
    """What a batch is to look like. Times are milliseconds, shares from 0 to 1."""

    name: str
    status: QueueStatus
    created_at: int
    ended_at: int
    size: int
    called: float
    picked: float
    completed: float


def sample_batches(now: int) -> list[BatchImport]:
    """The demo's batches, oldest first, as they stand at `now`."""
    chance = random.Random(SEED)  # noqa: S311 (the same every time is the point)
    plans = [*past_plans(chance, now), *recent_plans(chance, now)]
    return [sample_batch(chance, plan) for plan in plans]


def recent_plans(chance: random.Random, now: int) -> Iterator[SamplePlan]:
    """What is under way, held up, or waiting to start."""
    for name, status, hours, minutes, size, called in sorted(RECENT, key=lambda recent: -recent[2]):
        yield SamplePlan(
            name, status, now - int(hours * HOUR_MS), now - minutes * MINUTE_MS, size, called, *sample_shares(chance)
        )


def past_plans(chance: random.Random, now: int) -> Iterator[SamplePlan]:
    """What is over: a batch about every eight days, made in the morning and called through that day."""
    names: set[str] = set()
    for number in range(PAST_BATCHES):
        days = (HISTORY_DAYS - 5) * (PAST_BATCHES - number) / PAST_BATCHES + chance.uniform(0, 5)
        created = working_morning(chance, now - int(days * DAY_MS))
        size = 40 + int(860 * chance.betavariate(1.3, 3.6))
        stopped = number % STOPPED_EVERY == 6
        called = chance.uniform(0.2, 0.75) if stopped else 1
        ended = min(created + int((1 + size * called * chance.uniform(0.004, 0.01)) * HOUR_MS), now - 3 * HOUR_MS)
        status = QueueStatus.STOPPED if stopped else QueueStatus.COMPLETED
        yield SamplePlan(
            past_name(created, number, names), status, created, ended, size, called, *sample_shares(chance)
        )


def sample_shares(chance: random.Random) -> tuple[float, float]:
    """The share that is picked up, of those called, and the share that is completed, of those picked up."""
    return chance.uniform(0.48, 0.79), chance.uniform(0.82, 0.96)


def working_morning(chance: random.Random, ms: int) -> int:
    """That day, or the Friday before where it is a weekend, between 08:00 and 13:59 UTC."""
    weekend = max(datetime_at(ms, UTC).weekday() - 4, 0)
    return ms // DAY_MS * DAY_MS - weekend * DAY_MS + chance.randrange(8 * HOUR_MS, 14 * HOUR_MS, 1000)


def past_name(created: int, number: int, taken: set[str]) -> str:
    """A campaign's name with the date in it, the next in turn that is not taken."""
    day = datetime_at(created, UTC)
    turns = [CAMPAIGNS[(number + turn) % len(CAMPAIGNS)] for turn in range(len(CAMPAIGNS))]
    name = next(name for language, words in turns if (name := campaign_name(words, language, day)) not in taken)
    taken.add(name)
    return name


def campaign_name(words: str, language: str, day: datetime) -> str:
    """The words with the date filled in."""
    month = MONTHS[language].split()[day.month - 1]
    return words.format(
        day=day.day, month=month, year=day.year, quarter=(day.month + 2) // 3, week=day.isocalendar().week
    )


def sample_batch(chance: random.Random, plan: SamplePlan) -> BatchImport:
    """The batch of a plan, with its calls; each contact is in it once."""
    contacts = chance.sample(range(len(AREA_CODES) * NUMBERS_PER_CODE), plan.size)
    called = round(plan.size * plan.called)
    calls = [call_row(chance, plan, contact, place, called) for place, contact in enumerate(contacts)]
    return BatchImport(plan.name, plan.status, plan.created_at, plan.ended_at, calls)


def call_row(chance: random.Random, plan: SamplePlan, contact: int, place: int, called: int) -> dict[str, Any]:
    """The call at that place of the batch's queue, of which the first `called` were made."""
    code = list(AREA_CODES)[contact // NUMBERS_PER_CODE]
    status = call_status(chance, plan, place, called)
    reached = status in (CallStatus.COMPLETED, CallStatus.DROPPED)
    tries = 1 if reached else 3
    return {
        "phone_number": f"+1{code}55501{contact % NUMBERS_PER_CODE:02}",
        "status": status,
        "duration_seconds": talk_seconds(chance, status),
        "attempts": chance.randint(1, tries) + chance.choice((0, 0, 1)) * reached if place < called else 0,
        "created_at": plan.created_at,
        "last_event_at": event_ms(plan, place, called, status),
        "fields": {"name": f"Contact {1000 + contact}", "city": AREA_CODES[code], "segment": chance.choice(SEGMENTS)},
    }


def call_status(chance: random.Random, plan: SamplePlan, place: int, called: int) -> CallStatus:
    """What became of the call. The last few of an active batch are still under way."""
    if place >= called:
        return CallStatus.CANCELED if plan.status is QueueStatus.STOPPED else CallStatus.PENDING
    if plan.status is QueueStatus.ACTIVE and place >= called - 5:
        return CallStatus.IN_PROGRESS if place < called - 2 else CallStatus.DIALING
    if chance.random() >= plan.picked:
        return chance.choices(NOT_PICKED, NOT_PICKED_WEIGHTS)[0]
    return CallStatus.COMPLETED if chance.random() < plan.completed else CallStatus.DROPPED


def talk_seconds(chance: random.Random, status: CallStatus) -> int:
    """How long the talk was, so far as there was one."""
    if status is CallStatus.COMPLETED:
        return round(min(max(chance.lognormvariate(4.9, 0.7), 15), 2400))
    return chance.randint(2, 14) if status is CallStatus.DROPPED else 0


def event_ms(plan: SamplePlan, place: int, called: int, status: CallStatus) -> int | None:
    """When the dialer last reported on the call: spread evenly, the last made call at the batch's end."""
    if status is CallStatus.PENDING:
        return None
    return plan.created_at + (plan.ended_at - plan.created_at) * min(place + 1, called) // called
