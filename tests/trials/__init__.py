"""`make trials`: what a careful operator fears, tried on the portal itself; what came out: docs/trials.md."""
