"""The nouns of the portal as tables: columns, constraints and closed sets of words. No queries."""

from portal.models.account_event import AccountEvent, Event
from portal.models.batch import Batch, QueueStatus
from portal.models.batch_list import BatchCount, BatchList
from portal.models.call import Call, CallEvent, CallStatus
from portal.models.change import Change, Way, What
from portal.models.counter import Counter
from portal.models.session import Identity, RecoveryCode, Session
from portal.models.token import Scope, Token
from portal.models.upload import Upload
from portal.models.user import User

__all__ = [
    "AccountEvent",
    "Batch",
    "BatchCount",
    "BatchList",
    "Call",
    "CallEvent",
    "CallStatus",
    "Change",
    "Counter",
    "Event",
    "Identity",
    "QueueStatus",
    "RecoveryCode",
    "Scope",
    "Session",
    "Token",
    "Upload",
    "User",
    "Way",
    "What",
]
