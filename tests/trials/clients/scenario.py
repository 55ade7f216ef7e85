"""The requests of scenario.ts with the client of openapi-python-client: `python scenario.py`, next to its package.

The first failure ends the program with an error.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from portal_client import AuthenticatedClient
from portal_client.api.batches import (
    change_batch,
    create_batch,
    delete_batch,
    export_csv,
    list_batches,
    pause_calling,
    restore_batch,
    resume_calling,
    start_calling,
    stop_calling,
    upload,
)
from portal_client.api.calls import add_calls, list_calls, report_events
from portal_client.models import (
    AddCallsBody,
    AddCallsBodyCallDataItem,
    BatchChanges,
    CallEventBody,
    CallEventsBody,
    CallStatus,
    HourRange,
    NewBatch,
    QueueStatus,
    TransitionBody,
    UploadFields,
)
from portal_client.types import File

PHONE_NUMBER = "+12025550101"
CALLER_ID = ["+12025550100"]
MORE_THAN_A_PAGE = 12


def main() -> None:
    """Call every operation."""
    user_id = os.environ["USER_ID"]
    client = AuthenticatedClient(base_url=os.environ["PORTAL"], token=os.environ["TOKEN"])
    for number in range(MORE_THAN_A_PAGE):
        batch_id = send(create_batch, client, 201, body=NewBatch(CALLER_ID, f"Batch {number}")).data
    hours = HourRange("09:00", "17:00")
    full = NewBatch(CALLER_ID, "Every field", 1, 60, "Europe/Lisbon", hours, [1, 2])
    first = send(create_batch, client, 201, body=full, idempotency_key="every-field")
    assert send(create_batch, client, 201, body=full, idempotency_key="every-field").data == first.data
    send(create_batch, client, 201, body=NewBatch(CALLER_ID, "Nulls", None, None, None, None, None))
    send(change_batch, client, batch_id=batch_id, body=BatchChanges(retry=2))
    item = AddCallsBodyCallDataItem(PHONE_NUMBER)
    item["city"] = "Porto"
    assert send(add_calls, client, body=AddCallsBody(batch_id, [item])).data.added == 1
    (call,) = send(list_calls, client, batch_id=batch_id).data.data
    assert (call.phone_number, call["city"]) == (PHONE_NUMBER, "Porto")
    for operation in (start_calling, pause_calling, resume_calling, stop_calling):
        send(operation, client, body=TransitionBody(batch_id, user_id))
    event = CallEventBody("1", CallStatus.COMPLETED, batch_id=batch_id, phone_number=PHONE_NUMBER)
    event.occurred_at = datetime.now(UTC)
    assert send(report_events, client, body=CallEventsBody([event])).data.applied == 1
    event.event_id, event.occurred_at = "2", None
    send(report_events, client, body=CallEventsBody([event]))
    page = send(list_batches, client, user_id=user_id, status=[QueueStatus.PENDING, QueueStatus.STOPPED])
    assert page.data.pagination.total == MORE_THAN_A_PAGE + 2
    send(upload, client, body=upload_fields(user_id, hours))
    assert count_rows(send(export_csv, client)) == MORE_THAN_A_PAGE + 3
    assert count_rows(send(export_csv, client, batch_id=batch_id)) == 1
    send(delete_batch, client, batch_id=batch_id)
    send(restore_batch, client, batch_id=batch_id)


def upload_fields(user_id: str, hours: HourRange) -> UploadFields:
    """Return the form of a file with lists, an object and a boolean."""
    content = BytesIO(b"phoneNumber,city\n+12025550102,Lisbon\n")
    fields = UploadFields(["+12025550100", "+12025550101"], File(content, "contacts.csv"), user_id, "From a file")
    fields.calling_hour, fields.allowed_days, fields.type_ = hours, [1, 2], True
    return fields


def send(operation: Any, client: AuthenticatedClient, code: int = 200, **arguments: Any) -> Any:
    """Call an operation, check the status code, and return the parsed answer."""
    answer = operation.sync_detailed(client=client, **arguments)
    assert answer.status_code == code, (operation.__name__, answer)
    return answer.parsed


def count_rows(text: str) -> int:
    """Return the number of rows below the header."""
    return len(text.splitlines()) - 1


if __name__ == "__main__":
    main()
