"""Dialing: decide when calls may be placed, take them, place them through telephony engines, and store what happens."""
