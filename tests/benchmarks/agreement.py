"""Before anything is measured: all contenders must tell the same, or their speed means nothing."""

from __future__ import annotations

from tests.benchmarks.asks import FEW, KINDS, Kind, User
from tests.benchmarks.client import Client
from tests.benchmarks.contenders import Contender, Found
from tests.benchmarks.rounds import Field


class Disagreement(Exception):
    """Two contenders tell different ids or totals of the same view."""


def check(field: Field) -> int:
    """Ask everybody for everything that is measured. Returns how many answers were compared; raises Disagreement."""
    compared = 0
    for user in field.users:
        for kind in KINDS.values():
            answers = {}
            for contender in (field.portal, field.fragment, *field.peers):
                if contender.address(user, kind.at(user, 0)) is not None:
                    answers[contender.name] = ask(field, contender, user, kind)
            compared += compare(user, kind, answers)
    return compared


def ask(field: Field, contender: Contender, user: User, kind: Kind) -> Found:
    """One contender's answer."""
    with Client(field.port(contender)) as client:
        return contender.read(client.ask(contender.request(user, kind.at(user, 0))))


def compare(user: User, kind: Kind, answers: dict[str, Found]) -> int:
    """Hold every answer against the first. Returns how many there are; raises Disagreement."""
    (first_name, first), *others = answers.items()
    for name, found in others:
        if found != first:
            raise Disagreement(f"{user.size} batches, {kind.name}: {name} says {found}, {first_name} says {first}")
    if kind is FEW and first.total != 13:
        raise Disagreement(f"{user.size} batches, {kind.name}: {first.total} hits, not 13")
    return len(answers)
