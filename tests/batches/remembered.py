"""What the query helper remembers of a list's version; tests that count or compare forget it first."""

from portal.batches.query import counts, few, matching, rows

REMEMBERED = (
    counts.count_created,
    counts.count_names,
    counts.count_named,
    few.few_named,
    matching.name_lookup,
    rows.place,
)
