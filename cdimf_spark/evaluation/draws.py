"""How many negatives the test rows of each domain are ranked among.

As many as asked for, where the catalogue has them for every user; else all of it: a small shop is
measured too, by a protocol that its numbers name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from cdimf_spark.evaluation.protocol import Catalogues, Negatives

logger = logging.getLogger(__name__)

# Negatives for each test row, by domain.
Draws = Mapping[str, Negatives]


def choose_draws(
    catalogues: Catalogues,
    n_tests: Mapping[str, int],
    negatives: Negatives,
    count_most: Callable[[Sequence[str]], Mapping[str, int]],
) -> Draws:
    """Choose how each domain's test rows are ranked, and warn where it is not as asked for.

    Parameters
    ----------
    n_tests
        How many rows there are at most, by domain.
    negatives
        What was asked for.
    count_most
        Counts, for some domains, the distinct test items of the user who has most.

    Returns
    -------
    Mapping of str to int or "all"
        By domain; "all" also where, for some user, fewer items than `negatives` are left beside
        the test items.
    """
    if negatives == "all":
        return dict.fromkeys(n_tests, negatives)
    left = {domain: catalogues.n_items(domain) - negatives for domain in n_tests}
    small = {domain for domain, n in left.items() if n < 1}
    # A user has no more test items than there are test rows: as a rule nothing need be counted.
    near = [domain for domain, n in left.items() if 1 <= n < n_tests[domain]]
    most = count_most(near) if near else {}
    small |= {domain for domain, n in most.items() if n > left[domain]}
    for domain in sorted(small):
        logger.warning(
            "domain %r has %d items, too few to draw %d negatives beside the test items of each "
            "user: its test rows are ranked among all items",
            domain,
            catalogues.n_items(domain),
            negatives,
        )
    return {domain: "all" if domain in small else negatives for domain in n_tests}
