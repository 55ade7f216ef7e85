"""What the query helper remembers of a list's version; tests that count or compare forget it first."""

from portal.batches.query import conditions, counts, slices, small_results

REMEMBERED = (
    counts.count_created,
    counts.count_names,
    counts.count_by_name_and_time,
    small_results.find_small_result,
    conditions.choose_name_lookup,
    slices.find_bucket,
)
