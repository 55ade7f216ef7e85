"""Idempotency-Key: a repeated request gets the first answer again and changes nothing (contract, section 3)."""
