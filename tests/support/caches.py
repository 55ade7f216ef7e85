"""What the query helper remembers of a list's version; tests that count or compare forget it first."""

from portal.batches.derived import time_buckets
from portal.batches.query import counts, list_query, small_results

REMEMBERED = (
    counts.count_created,
    counts.count_names,
    counts.count_by_name_and_time,
    small_results.find_small_result,
    list_query.choose_name_lookup,
    time_buckets.find_bucket,
)
