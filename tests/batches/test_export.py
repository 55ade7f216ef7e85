"""Exports of the list and of a batch's calls: complete, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook

from portal.models import Batch, QueueStatus, User
from portal.times import format_iso
from tests.support.builders import Builder

LABELS = ["Batch ID", "Name", "Calls", "Picked up", "Completed", "Status", "Created (UTC)", "Updated (UTC)"]
HEADER = ["_id", "batchName", "totalCalls", "callsPicked", "callsCompleted", "queue_status", "createdAt", "updatedAt"]


def rows_of(answer: Any) -> list[list[str]]:
    """Return the cells of an exported file as text."""
    assert answer.status_code == 200
    if answer.mimetype == "text/csv":
        return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.data)).get_sheet_by_index(0)
    return [[cell_text(cell) for cell in row] for row in sheet.to_python()]


def cell_text(cell: Any) -> str:
    """Return a cell of a workbook as the API writes it."""
    if isinstance(cell, datetime):
        return format_iso(round(cell.replace(tzinfo=UTC).timestamp() * 1000))
    return f"{cell:g}" if isinstance(cell, float) else str(cell)


@pytest.fixture
def batches(build: Builder, owner: User) -> list[Batch]:
    """Return thirty batches, every third of them active."""
    return [
        build.create_batch(
            owner, f"Round {number:02}", status="pending" if number % 3 else "active", total_calls=number
        )
        for number in range(30)
    ]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "?search=round+1&sortBy=batchName&sortOrder=asc",
        "?status=active&sortBy=totalCalls",
        "?search=nowhere",
        "?search=act&sortBy=updatedAt",
        "?createdFrom=2025-05-01&page=2&limit=10",
    ],
)
def test_an_export_contains_all_pages_in_order(
    signed_in: FlaskClient, api: Callable, batches: list[Batch], kind: str, query: str
) -> None:
    unpaged = query.replace("&page=2&limit=10", "")
    expected = api(f"{unpaged}{'&' if unpaged else '?'}limit=100").json["data"]["batches"]
    header, *rows = rows_of(signed_in.get(f"/batches/export.{kind}{query}"))
    values = [[str(value) for value in batch.values()] for batch in expected]
    if kind == "xlsx":
        values = [[QueueStatus.label_of(value) for value in row] for row in values]
    assert header == (HEADER if kind == "csv" else LABELS)
    assert rows == values


def test_the_api_exports_the_same_file(call_api: Callable, signed_in: FlaskClient, batches: list[Batch]) -> None:
    for query in ("", "search=round+1", "status=active&sortBy=batchName"):
        answer = call_api("export/csv", query_string=query)
        assert answer.data == signed_in.get(f"/batches/export.csv?{query}").data
    assert len(rows_of(call_api("export/csv", query_string="page=2&limit=20"))) == 11
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''Batches.csv"


def test_a_long_export_is_complete(
    signed_in: FlaskClient, build: Builder, batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most rows are read after the view has returned and its context has ended."""
    for _ in range(40):
        build.create_call(batches[0])
    monkeypatch.setattr("portal.web.spreadsheets.CHUNK", 100)
    monkeypatch.setattr("portal.batches.query.CHUNK_SIZE", 5)
    monkeypatch.setattr("portal.calls.query.CHUNK_SIZE", 5)
    for kind in ("csv", "xlsx"):
        assert len(rows_of(signed_in.get(f"/batches/export.{kind}"))) == len(batches) + 1
        assert len(rows_of(signed_in.get(f"/batches/{batches[0].id}/calls.{kind}"))) == 41


PAYLOADS = ["=cmd|' /C calc'!A0", "@SUM(1)", "+1+1", "-2+3", "\t=1", "\r=1", "=HYPERLINK(1)", "＝1"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_calls_are_exported_with_their_fields_and_without_formulas(
    signed_in: FlaskClient, call_api: Callable, build: Builder, owner: User, kind: str
) -> None:
    batch = build.create_batch(owner, "=Spring", total_calls=len(PAYLOADS))
    for index, payload in enumerate(PAYLOADS):
        fields = {payload: payload, "age": index, "tags": ["a", {"b": None}]}
        build.create_call(batch, phone_number=f"+1202555010{index}", status="busy", fields=fields)
    answer = signed_in.get(f"/batches/{batch.id}/calls.{kind}")
    header, *rows = rows_of(answer)
    assert header[:3] == (
        ["_id", "phoneNumber", "callStatus"] if kind == "csv" else ["Call ID", "Phone number", "Outcome"]
    )
    assert [row[1] for row in rows] == [f"+1202555010{index}" for index in range(len(PAYLOADS))]
    assert rows[3][header.index("age")] == "3"
    assert rows[0][header.index("tags")] == '["a", {"b": null}]'
    if kind == "csv":
        cells = [cell for row in (header, *rows) for cell in row if not cell.startswith("+1202555")]
        assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@＝")]
        assert call_api("export/csv", query_string={"batchId": batch.id}).data == answer.data
    else:
        sheet = ZipFile(io.BytesIO(answer.data)).read("xl/worksheets/sheet1.xml")
        assert b"<c " in sheet
        assert b"<f" not in sheet  # every cell is text


def test_calls_are_exported_with_the_filters_and_order_of_the_page(
    signed_in: FlaskClient, build: Builder, owner: User
) -> None:
    batch = build.create_batch(owner, total_calls=3)
    for number, status in (("+12025550101", "busy"), ("+12025550102", "completed"), ("+12025550103", "busy")):
        build.create_call(batch, phone_number=number, status=status, search_text=number)
    address = f"/batches/{batch.id}/calls.csv?status=busy&sortBy=phoneNumber&sortOrder=desc&search=2025550&page=1"
    assert [row[1] for row in rows_of(signed_in.get(address))[1:]] == ["+12025550103", "+12025550101"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=0", "limit must be between 1 and 100"),
        ("color=red", "color is not a known parameter"),
        ("batchId=nonsense", "batchId must be 24 hexadecimal characters"),
        (
            f"batchId={'0' * 24}&search=a&limit=5",
            "batchId cannot be combined with other parameters: remove limit, search",
        ),
    ],
)
def test_an_error_names_the_invalid_export_parameter(call_api: Callable, query: str, message: str) -> None:
    answer = call_api("export/csv", query_string=query)
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(message)


def test_exporting_an_unknown_or_a_strangers_batch_returns_404(
    call_api: Callable, build: Builder, stranger: User
) -> None:
    theirs = build.create_batch(stranger)
    for batch_id in (theirs.id, "0" * 24):
        assert call_api("export/csv", query_string={"batchId": batch_id}).status_code == 404
    assert rows_of(call_api("export/csv")) == [HEADER]
    assert call_api("export/csv", token="x").status_code == 401
