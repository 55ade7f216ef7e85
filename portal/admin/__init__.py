"""Administration: users, their roles and access, and the audit log. Admins do not see other users' batches."""
