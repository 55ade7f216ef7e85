"""Names of batches, as campaign managers write them, and the words that are searched for in them."""

from __future__ import annotations

import random
from datetime import datetime

# In a quarter of the names.
MANY = "renewal"
MANY_SHARE = 0.25

# Part of many names, and of no status: there they would be found too, and a plain search of names would not agree.
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

# Invented places of four syllables: which of the 31 million a number leads to is spread by a step.
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvzj" for vowel in "aeiou"]
STEP = 7_654_321


def campaign(chance: random.Random, day: datetime, place: str | None) -> str:
    """The name of a batch that was made on that day, with a place where it is given."""
    frame = chance.choice(RENEWALS if chance.random() < MANY_SHARE else OTHERS)
    name = frame.format(
        day=day.day,
        month=MONTHS[day.month - 1],
        year=day.year,
        quarter=(day.month + 2) // 3,
        week=day.isocalendar().week,
        region=chance.choice(REGIONS),
    )
    return f"{name}, {place}" if place else name


def place(number: int) -> str:
    """The invented place of that number; each number has its own."""
    rest = (number + 1) * STEP % len(SYLLABLES) ** 4
    parts = []
    for _ in range(4):
        rest, syllable = divmod(rest, len(SYLLABLES))
        parts.append(SYLLABLES[syllable])
    return "".join(parts).capitalize()


def unknown_place(number: int) -> str:
    """A place that is in no name, though its parts are."""
    return place(10_000_000 + number)
