"""Emergency stops of one account or of all accounts: who is stopped, and the acts that stop and resume."""

from portal.dialing.stops.actions import locked_lists, resume, stop
from portal.dialing.stops.query import is_stopped

__all__ = ["is_stopped", "locked_lists", "resume", "stop"]
