"""Dialing: place the calls of started batches through telephony engines."""
