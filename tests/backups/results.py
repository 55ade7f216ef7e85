"""Results of the commands."""

from __future__ import annotations

from click.testing import Result


def error_line(result: Result) -> str:
    """Return the error message of a command."""
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: ")
    return result.stderr.strip()
