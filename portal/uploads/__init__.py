"""Upload contact files and create batches from them."""
