"""Names of batches as campaign managers write them, and the words that the benchmark searches for."""

from __future__ import annotations

import random
from datetime import datetime

# Occurs in a quarter of the names.
MANY = "renewal"
MANY_SHARE = 0.25

# Occur in many names and in no status, which the portal's search includes and the peers' does not.
ONE_LETTER = "w"
TWO_LETTERS = "ew"

RENEWALS = (
    "Contract renewal {month} {year}",
    "Renewal reminder, week {week} {year}",
    "Policy renewal: {region}",
    "{region} {month} early renewal offer",
    "Renewals: business customers Q{quarter} {year}",
    "Broadband renewal, {day} {month}",
)
OTHERS = (
    "Payment reminder {month} {year}",
    "Win-back: lapsed over 90 days, {month} {year}",
    "Relance clients {month} {year}",
    "NPS survey Q{quarter} {year}",
    "Broadband upgrade, week {week} {year}",
    "Renovação de contrato {month} {year}",
    "Appointment reminders, week {week} {year}",
    "New tariff: {region} Q{quarter}",
    "Encuesta de satisfacción {month} {year}",
    "Overdue invoices, second call, {month} {year}",
    "Welcome call: new customers {region}",
    "Rückruf Neukunden {month} {year}",
    "Car insurance {month} {year} (trial group)",
    "Webinar follow-up {day} {month} {year}",
    "Enquête fidélité {region} {month}",
    "Service recall, 1st round, {region}",
    "Card activation {month} {year}",
    "{region}: meter readings {month}",
)
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
REGIONS = (
    "North Coast", "Lake District", "Harbour Area", "Old Town", "Upper Valley", "Eastern Suburbs", "Highlands",
    "South Bank", "Île-de-France", "Andalucía", "Bodensee", "Cornwall", "Midlands", "Port Area", "West End",
)  # fmt: skip

# Place names have four of these syllables; STEP spreads consecutive numbers over the 31 million names.
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvzj" for vowel in "aeiou"]
STEP = 7_654_321


def campaign(rng: random.Random, day: datetime, place: str | None) -> str:
    """Return the name of a batch that was created on that day."""
    frame = rng.choice(RENEWALS if rng.random() < MANY_SHARE else OTHERS)
    name = frame.format(
        day=day.day,
        month=MONTHS[day.month - 1],
        year=day.year,
        quarter=(day.month + 2) // 3,
        week=day.isocalendar().week,
        region=rng.choice(REGIONS),
    )
    return f"{name}, {place}" if place else name


def place(number: int) -> str:
    """Return the invented place name of a number; each number has its own."""
    rest = (number + 1) * STEP % len(SYLLABLES) ** 4
    parts = []
    for _ in range(4):
        rest, syllable = divmod(rest, len(SYLLABLES))
        parts.append(SYLLABLES[syllable])
    return "".join(parts).capitalize()


def unknown_place(number: int) -> str:
    """Return a place name that occurs in no batch, though its syllables do."""
    return place(10_000_000 + number)
