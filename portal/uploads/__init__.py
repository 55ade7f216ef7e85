"""Contact files that were sent, and the batches that are made of them."""
