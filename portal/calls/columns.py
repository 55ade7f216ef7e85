"""What is written into a call beside what it came with."""

from __future__ import annotations




