"""HTTP concerns that all views share: input, sessions, headers, errors, rendering and downloads."""
