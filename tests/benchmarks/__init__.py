"""`make bench`: the speed of a list of a million batches, compared with alternatives."""
