"""The tables: columns, constraints and vocabularies. No queries."""

from portal.models.account_log import AccountEvent, AccountLogEntry
from portal.models.attempt import Attempt, AttemptCount, AttemptState
from portal.models.batch import Batch, BatchAction, QueueStatus
from portal.models.batch_list import BatchBucket, BatchList
from portal.models.batch_log import BatchEvent, BatchLogEntry, Channel
from portal.models.call import Call, CallEvent, CallStatus
from portal.models.call_counts import CallAnswers, CallCount, CallSpan, CallTextVersion
from portal.models.dialer import Dialer
from portal.models.emergency_stop import EmergencyStop
from portal.models.idempotent_answer import IdempotentAnswer
from portal.models.session import LinkedIdentity, RecoveryCode, UserSession
from portal.models.shared_counter import SharedCounter
from portal.models.suppression import Suppression, SuppressionList
from portal.models.token import Scope, Token
from portal.models.trunk import CallerNumber, Trunk, TrunkKind
from portal.models.upload import Upload
from portal.models.user import User

__all__ = [
    "AccountEvent",
    "AccountLogEntry",
    "Attempt",
    "AttemptCount",
    "AttemptState",
    "Batch",
    "BatchAction",
    "BatchBucket",
    "BatchEvent",
    "BatchList",
    "BatchLogEntry",
    "Call",
    "CallAnswers",
    "CallCount",
    "CallEvent",
    "CallSpan",
    "CallStatus",
    "CallTextVersion",
    "CallerNumber",
    "Channel",
    "Dialer",
    "EmergencyStop",
    "IdempotentAnswer",
    "LinkedIdentity",
    "QueueStatus",
    "RecoveryCode",
    "Scope",
    "SharedCounter",
    "Suppression",
    "SuppressionList",
    "Token",
    "Trunk",
    "TrunkKind",
    "Upload",
    "User",
    "UserSession",
]
