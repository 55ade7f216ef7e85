"""`make trials`: long tests of security and reliability on the portal itself; docs/trials.md has the results."""
