"""What a reader of a batch's changes may ask for."""

from __future__ import annotations

from portal.parameters import PageNumber, PageSize, Parameters


class ChangeListParameters(Parameters):
    """One page of what was done to a batch."""

    page: PageNumber = 1
    limit: PageSize = 25
