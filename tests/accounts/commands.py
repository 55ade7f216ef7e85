"""Results of commands, and requests with the tokens that they print."""

from __future__ import annotations

from typing import Any

from flask import Flask


def last_line(result: Any) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()[-1]


def list_batches(app: Flask, user_id: str, token: str) -> Any:
    return app.test_client().get(f"/api/call/batches/{user_id}", headers={"Authorization": f"Bearer {token}"})
