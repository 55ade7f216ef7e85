"""`make bench`: what listing a million batches costs, beside what people would use instead."""
