"""The caches of the query modules, which tests clear before they count statements or compare results."""

from portal.batches.query import conditions, counts, slices, small_results

QUERY_CACHES = (
    counts.count_created,
    counts.count_names,
    counts.count_by_name_and_time,
    small_results.find_small_result,
    conditions.choose_name_lookup,
    slices.find_bucket,
)


def clear_query_caches() -> None:
    """Clear every cache."""
    for cached in QUERY_CACHES:
        cached.cache_clear()
