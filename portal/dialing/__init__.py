"""The rules of dialing, as pure functions: when a call may be placed, and until when it is held."""
