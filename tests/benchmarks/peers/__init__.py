"""Alternatives to the portal, each built as its documentation suggests, on a plain table of the same batches."""
