"""Sign-ins that run while their account changes: none with the earlier credentials succeeds after the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice, product
from threading import Event, Thread
from unittest.mock import patch

import pyotp
from flask import Flask
from sqlalchemy import func, select

from portal.accounts import actions, query
from portal.accounts.second_factor import new_totp_secret
from portal.extensions import db
from portal.models import AccountEvent, AccountLogEntry, User, UserSession
from portal.models.actor import Actor
from tests.support.builders import PASSWORD, Builder
from tests.support.wsgi_client import WsgiClient, WsgiResponse, form_request
from tests.trials.trial import Conditions, Outcome, Trial

NEW_PASSWORD = "eleven glass bells in a barn"
WAIT_SECONDS = 10
REFUSED = (303, 401)  # the form, the form for the code, or the sign-in page


@dataclass(frozen=True)
class Race:
    """One account with a way to sign in and a change.

    `is_held` = the change comes exactly between the check and the start of the session.
    """

    app: Flask
    user: User
    codes: list[str]
    secret: str
    change: str
    is_held: bool

    def apply_change(self) -> None:
        """Change the account."""
        with self.app.app_context():
            CHANGES[self.change](self)

    def turn_on(self, secret: str) -> list[str]:
        """Turn on two-factor authentication."""
        code = pyotp.TOTP(secret).now()
        return actions.turn_on_second_factor(self.user.key, secret, code, self.app.secret_key) or []

    def replace_second_factor(self) -> None:
        """Turn two-factor authentication off, if it is on, and on with another secret."""
        actions.turn_off_second_factor(self.user.key)
        self.turn_on(new_totp_secret())


CHANGES: dict[str, Callable[[Race], object]] = {
    AccountEvent.PASSWORD: lambda race: actions.change_password(race.user.key, NEW_PASSWORD),
    AccountEvent.DISABLED: lambda race: actions.disable_user(race.user.key),
    AccountEvent.SECOND_FACTOR_ON: Race.replace_second_factor,
}
WAYS = ("password", "code", "recovery code")


def run(conditions: Conditions) -> Outcome:
    """Let each way of signing in race against each change, held at the critical point in every second round."""
    failures: list[str] = []
    done = 0
    with conditions.app() as app:
        rounds = islice(cycle(product((True, False), CHANGES, WAYS)), conditions.max_count)
        for is_held, change, way in rounds:
            race = prepare_race(app, f"racer-{done}", change, way, is_held=is_held)
            failures += [f"{way}, {change}: {failure}" for failure in run_race(race, way, conditions)]
            done += 1
            if done % 100 == 0:
                conditions.report_progress(f"{done:,} races")
            if conditions.should_stop(failures):
                break
    return Outcome(done, failures)


def prepare_race(app: Flask, name: str, change: str, way: str, *, is_held: bool) -> Race:
    """Create an account, with two-factor authentication for the ways that need it."""
    build = Builder(app)
    user = build.create_user(name)
    race = Race(app, user, [], new_totp_secret(), change, is_held)
    if way != "password":
        with app.app_context():
            race.codes.extend(race.turn_on(race.secret))
            user = query.find_user(user.key)
            db.session.expunge(user)
        build.change(user, totp_step=None)  # the code of the set-up is valid again
    return race


def run_race(race: Race, way: str, conditions: Conditions) -> list[str]:
    """Sign in and change the account at the same time, and return what went wrong."""
    client = WsgiClient(race.app, conditions.monitor)
    responses: list[WsgiResponse] = []
    if way == "password":
        form = [("email", race.user.email), ("password", PASSWORD), ("csrf_token", client.csrf_token())]
        request = form_request("/login", form)
    else:
        client.sign_in(race.user.email, PASSWORD)
        code = race.codes[0] if way == "recovery code" else pyotp.TOTP(race.secret).now()
        request = form_request("/login/code", [("code", code), ("csrf_token", client.csrf_token("/login/code"))])
    with hold_sign_ins(race.is_held) as (arrived, changed):
        thread = Thread(target=lambda: responses.append(client.send(request)))
        thread.start()
        arrived.wait(WAIT_SECONDS)
        race.apply_change()
        changed.set()
        thread.join(WAIT_SECONDS)
    return find_failures(race, responses)


@contextmanager
def hold_sign_ins(is_held: bool) -> Iterator[tuple[Event, Event]]:
    """Hold each sign-in between the check and the start of its session until the account has changed."""
    arrived, changed = Event(), Event()
    original = actions.start_session

    def start_session(*arguments: object, **options: object) -> str:
        arrived.set()
        changed.wait(WAIT_SECONDS)
        return original(*arguments, **options)

    if not is_held:
        arrived.set()
        yield arrived, changed
        return
    with patch.object(actions, "start_session", start_session):
        yield arrived, changed


def find_failures(race: Race, responses: list[WsgiResponse]) -> list[str]:
    """Check the responses, the audit log and the sessions of the account."""
    failures = [f"answered {response.status}" for response in responses if response.status not in REFUSED]
    if not responses:
        failures.append("no answer")
    with race.app.app_context():
        about = select(AccountLogEntry.what).where(AccountLogEntry.subject_key == race.user.key)
        events = list(db.session.execute(about.order_by(AccountLogEntry.key)).scalars())
        own = select(func.count(UserSession.key)).where(UserSession.user_key == race.user.key)
        sessions = db.session.execute(own).scalar_one()
    last_change = len(events) - 1 - events[::-1].index(race.change)
    if AccountEvent.SIGNED_IN in events[last_change:]:
        failures.append("signed in after the change, with the earlier credentials")
    if sessions and race.change != AccountEvent.SECOND_FACTOR_ON:
        failures.append(f"{sessions} sessions outlived the change")
    return failures


# --- defects ----------------------------------------------------------------------------------------------------------


@contextmanager
def trust_earlier_check() -> Iterator[None]:
    """Start sessions without comparing the account with what was checked, as releases up to 0.2 did."""

    def lock_user(user_key: int, checked: query.Credentials | None = None, by: Actor | None = None) -> User:
        return original(user_key)

    original = query.lock_user
    with patch.object(query, "lock_user", lock_user):
        yield


@contextmanager
def compare_password_only() -> Iterator[None]:
    """Compare only the password, and not the second factor."""

    def lock_user(user_key: int, checked: query.Credentials | None = None, by: Actor | None = None) -> User:
        user = original(user_key, by=by)
        if checked and (not user.is_active or user.password_hash != checked.password_hash):
            raise query.CredentialsChanged
        return user

    original = query.lock_user
    with patch.object(query, "lock_user", lock_user):
        yield


TRIAL = Trial(
    name="sign-in-races",
    title="sign-ins under way while password, second factor or state of the account change",
    passes_when="no session with the earlier credentials, none logged; no 5xx",
    unit="races",
    full=1_800,
    short=18,
    run=run,
    defects={
        "the account is not compared": trust_earlier_check,
        "the second factor is not compared": compare_password_only,
    },
)
