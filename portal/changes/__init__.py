"""What was done to batches, and by whom."""
