"""Which way a table is sorted, and where its headers lead."""

from __future__ import annotations





