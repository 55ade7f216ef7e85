"""The caches of the query modules, which tests clear before they count statements or compare results."""

from portal.batches.derived import time_buckets
from portal.batches.query import counts, list_query, small_results

QUERY_CACHES = (
    counts.count_created,
    counts.count_names,
    counts.count_trash,
    counts.count_by_name_and_time,
    small_results.find_small_result,
    list_query.choose_name_lookup,
    time_buckets.find_bucket,
)


def clear_query_caches() -> None:
    """Clear every cache."""
    for cached in QUERY_CACHES:
        cached.cache_clear()
