"""Contact files are read within limits: few at once, within a quota, and only while their client is connected."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.limits import file_slots
from portal.limits.file_slots import FileSlots, NoFileSlot
from portal.models import User
from portal.times import DAY_MS, now_ms
from portal.uploads import actions, query
from portal.uploads.actions import UploadedFile
from portal.web.progress import NDJSON
from tests.support.builders import Builder
from tests.support.sessions import csrf_token

CSV = b"phoneNumber\n" + b"".join(b"+1305555%04d\n" % number for number in range(100, 200)) * 20


def send_file(signed_in: FlaskClient, environ: dict[str, Any] | None = None, **headers: str) -> Any:
    form = {"csrf_token": csrf_token(signed_in.get("/batches/new").text), "file": (io.BytesIO(CSV), "a.csv")}
    return signed_in.post("/batches/new", data=form, headers=headers, environ_overrides=environ or {})


def test_an_account_reads_one_file_at_a_time_and_a_process_half_as_many_as_it_has_threads() -> None:
    slots = FileSlots(2)
    first = slots.acquire(1)
    with pytest.raises(NoFileSlot) as own:
        slots.acquire(1)
    slots.acquire(2)
    with pytest.raises(NoFileSlot) as all_accounts:
        slots.acquire(3)
    assert (own.value.code, all_accounts.value.code) == (429, 503)
    first.release()
    first.release()
    slots.acquire(3)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_file_above_the_limit_is_refused_with_a_message(
    app: Flask, signed_in: FlaskClient, call_api: Callable[..., Any], owner: User
) -> None:
    with app.app_context(), file_slots.reserve(owner.key):
        page = send_file(signed_in)
        assert (page.status_code, page.headers["Retry-After"]) == (429, "3")
        assert "Another file of this account is being read. Wait a few seconds, then try again." in page.text
        (line,) = send_file(signed_in, Accept=NDJSON).text.splitlines()
        assert json.loads(line)["problem"].startswith("Another file of this account is being read")
        form = {"userId": owner.id, "batchName": "A", "callingNumbers": '["+13055550100"]'}
        answer = call_api("upload", method="POST", data=form | {"file": (io.BytesIO(CSV), "a.csv")})
        assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (429, 429, "3")
    assert send_file(signed_in).status_code == 303
    (*_, last) = send_file(signed_in, Accept=NDJSON).text.splitlines()
    assert "to" in json.loads(last)
    with app.app_context(), file_slots.reserve(owner.key):
        pass  # every slot was released


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("accept", ["text/html", NDJSON])
def test_work_stops_when_the_client_has_gone(
    app: Flask, signed_in: FlaskClient, build: Builder, owner: User, accept: str
) -> None:
    client, server = socket.socketpair()
    answer = send_file(signed_in, {"gunicorn.socket": server}, Accept=accept)
    assert "/batches/new/" in answer.text + (answer.location or "")
    client.close()
    answer = send_file(signed_in, {"gunicorn.socket": server}, Accept=accept)
    assert "/batches/new/" not in answer.text + (answer.location or "")
    server.close()
    with app.app_context():
        assert len(query.find_uploads_beyond(owner.key, 0)) == 1
        with file_slots.reserve(owner.key):
            pass


def test_the_oldest_files_are_deleted_beyond_the_quota(
    app: Flask, owner: User, stranger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "UPLOAD_QUOTA_BYTES", 250)
    with app.app_context():
        theirs = actions.store_upload(stranger.key, UploadedFile("a.csv", b"a" * 200), {}, {})
        stored = [actions.store_upload(owner.key, UploadedFile("a.csv", b"a" * 100), {}, {}) for _ in range(4)]
        assert [query.find_upload(owner.key, public_id) is not None for public_id in stored] == [
            False,
            False,
            True,
            True,
        ]
        assert query.find_upload(stranger.key, theirs)


def test_the_sweep_deletes_old_files_of_all_accounts(app: Flask, build: Builder, owner: User, stranger: User) -> None:
    with app.app_context():
        old = [actions.store_upload(user.key, UploadedFile("a.csv", b"a"), {}, {}) for user in (owner, stranger)]
        new = actions.store_upload(owner.key, UploadedFile("a.csv", b"a"), {}, {})
        rows = [query.find_upload(user.key, public_id) for user, public_id in zip((owner, stranger), old, strict=True)]
    for row in rows:
        build.change(row, created_at=now_ms() - 2 * DAY_MS)
    with app.app_context():
        actions.delete_old_uploads()
        assert query.find_upload(owner.key, new)
        assert not query.find_uploads_beyond(stranger.key, 0)
