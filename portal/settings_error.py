"""The error for an invalid setting."""

from __future__ import annotations

import click


class SettingError(click.ClickException, ValueError):
    """An invalid value in the environment; the message names the variable.

    It is a click exception so that commands print it as one line even though there is no app yet.
    """
