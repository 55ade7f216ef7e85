"""What admins do: add users, let them in, shut them out. They see nobody's batches."""
