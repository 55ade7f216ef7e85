"""Everything between the socket and a view: input, sessions, headers, errors, rendering and downloads."""
