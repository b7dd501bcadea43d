"""Train, validation and test: each interaction gets its part, whatever the partitioning.

Nothing is drawn: what is random is a hash of the seed, the purpose and the ids, so that a row's
part depends on the seed and the data alone. A stage moves rows out of `train` and says in `fate`
what became of those that it would have moved.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from cdimf_spark.distributed.input.event_columns import TIMESTAMP
from cdimf_spark.distributed.preparation.overlap import domains_of_user
from cdimf_spark.preparation.prepare_options import PrepareOptions
from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID

PART, FATE, HELD_FOR = "part", "fate", "held_for"
TRAIN, VALIDATION, TEST, DROPPED = "train", "validation", "test", "dropped"
# What became of rows that a stage would have held out, and of users who have too few for it.
NEW_ITEM, NEW_USER, TOO_SHORT = "new_item", "new_user", "too_short"

_UNITS = 2**53


def hash_of(options: PrepareOptions, purpose: str, *columns: str) -> Column:
    """Return a 64-bit hash of the seed, the purpose and the columns."""
    return F.xxhash64(F.lit(f"{options.seed}:{purpose}"), *columns)


def unit_of(options: PrepareOptions, purpose: str, *columns: str) -> Column:
    """Return a number from 0 to 1, 1 excluded, from the same hash."""
    return F.pmod(hash_of(options, purpose, *columns), F.lit(_UNITS)) / _UNITS


def undivided(interactions: DataFrame) -> DataFrame:
    """Return the interactions, all of them in train."""
    return interactions.withColumns({PART: F.lit(TRAIN), FATE: F.lit(None).cast("string")})


def hold_out_of_users(rows: DataFrame, part: str, options: PrepareOptions, last: bool) -> DataFrame:
    """Hold out some train interactions of each user: one, or a share of them.

    The rows are the user's last ones (of equal times the one with the smaller hash) or random
    ones. `min_train` of them always stay. A row whose item would have no other one in train stays
    as well.

    Parameters
    ----------
    rows : DataFrame
        Interactions with part and fate.
    part : str
        test or validation.
    options : PrepareOptions
        Of them split, test_share, min_train and seed.
    last : bool
        The last interactions, not random ones.
    """
    users = Window.partitionBy(DOMAIN, USER_ID, PART)
    items = Window.partitionBy(DOMAIN, ITEM_ID)
    drawn = [hash_of(options, part, DOMAIN, USER_ID, ITEM_ID), F.col(ITEM_ID)]
    order = [F.col(TIMESTAMP).desc(), *drawn] if last else drawn
    n_rows = F.count(F.lit(1)).over(users)
    wanted = F.lit(1)
    if options.split == "ratio":
        # 10 * 0.3 is a little less than 3 in binary fractions.
        wanted = F.floor(n_rows * F.lit(options.share) + 1e-9).cast("int")
    quota = F.least(wanted, n_rows - options.min_train)
    ranked = rows.withColumns({"place": F.row_number().over(users.orderBy(*order)), "quota": quota})
    in_train = F.col(PART) == TRAIN
    held = in_train & (F.col("place") <= F.col("quota"))
    known = F.coalesce(F.max(in_train & ~held).over(items), F.lit(False))
    short = in_train & (F.col("place") == 1) & (F.col("quota") < 1)
    fate = F.when(held & ~F.col("known"), F.lit(NEW_ITEM)).when(short, F.lit(TOO_SHORT))
    new_part = F.when(held & F.col("known"), F.lit(part)).otherwise(F.col(PART))
    divided = ranked.withColumn("known", known).withColumns({FATE: fate, PART: new_part})
    return divided.drop("place", "quota", "known")


def keep_shared(rows: DataFrame, n_domains: int) -> DataFrame:
    """Keep the users whom every domain has."""
    named = rows.withColumn("group", domains_of_user())
    return named.where(F.size("group") == n_domains).drop("group")


def hold_out_cold_users(rows: DataFrame, options: PrepareOptions) -> DataFrame:
    """Hold out the complete history of random shared users in one of their domains.

    Each user of several domains is cold in one of them, or in none: of a domain's shared users
    the test share is expected to be cold there. Validation users are drawn in the same way from
    those who are left. Test and validation rows of items that train does not have are dropped.
    """
    group = F.col("group")
    parted = rows.withColumn("group", domains_of_user())
    parts = (TEST, VALIDATION) if options.validation else (TEST,)
    part, drawn_before = F.lit(TRAIN), F.lit(False)
    for name in parts:
        chance = options.share * F.size(group)
        drawn = (F.size(group) > 1) & (unit_of(options, f"cold {name}", USER_ID) < chance)
        drawn = drawn & ~drawn_before
        choice = F.pmod(hash_of(options, f"cold {name} domain", USER_ID), F.size(group))
        here = F.element_at(group, (choice + 1).cast("int")) == F.col(DOMAIN)
        part = F.when(drawn & here, F.lit(name)).otherwise(part)
        drawn_before = drawn_before | drawn
    parted = parted.withColumn(PART, part).drop("group")
    return drop_unknown(parted, users_too=False)


def hold_out_by_time(rows: DataFrame, test_from: float, validation_from: float | None) -> DataFrame:
    """Hold out what is later than two moments, in seconds since 1970.

    Rows of users or items that have nothing earlier are dropped: in train they would show the
    future.
    """
    moment = F.unix_micros(TIMESTAMP) / 1e6
    part = F.when(moment >= test_from, F.lit(TEST))
    if validation_from is not None:
        part = part.when(moment >= validation_from, F.lit(VALIDATION))
    return drop_unknown(rows.withColumn(PART, part.otherwise(F.lit(TRAIN))), users_too=True)


def drop_unknown(rows: DataFrame, users_too: bool) -> DataFrame:
    """Drop held-out rows of items, and if wanted of users, that train does not have."""
    is_train = F.col(PART) == TRAIN
    known_item = F.max(is_train).over(Window.partitionBy(DOMAIN, ITEM_ID))
    known_user = F.max(is_train).over(Window.partitionBy(DOMAIN, USER_ID))
    known = rows.withColumns(
        {"known_item": known_item, "known_user": known_user if users_too else F.lit(True)}
    )
    fate = F.when(~F.col("known_user"), F.lit(NEW_USER)).when(~F.col("known_item"), F.lit(NEW_ITEM))
    # What was held out for is kept: the counts are by part.
    dropped = F.col(FATE).isNotNull()
    judged = known.withColumn(FATE, fate).withColumn(HELD_FOR, F.col(PART))
    new_part = F.when(dropped, F.lit(DROPPED)).otherwise(F.col(PART))
    return judged.withColumn(PART, new_part).drop("known_item", "known_user")


def day_cuts(interactions: DataFrame, share: float, validation: bool) -> tuple[float, float | None]:
    """Find the beginnings of test and validation for a split by time without moments.

    Each begins with a day (UTC): the first from which on at most the share of the interactions of
    all domains is left, of train and validation in the case of validation. There is a row for each
    day on the driver.

    Returns
    -------
    float, float or None
        Seconds since 1970.
    """
    day = F.floor(F.unix_seconds(TIMESTAMP) / 86400)
    counts = interactions.groupBy(day.alias("day")).count().orderBy("day").collect()
    days = [(row["day"], row["count"]) for row in counts]
    test = _cut(days, share)
    if not validation:
        return test * 86400.0, None
    return test * 86400.0, _cut([pair for pair in days if pair[0] < test], share) * 86400.0


def _cut(days: list[tuple[int, int]], share: float) -> int:
    """Return the first day from which on at most the share of the counts is left."""
    left = share * sum(count for _, count in days)
    first = days[-1][0] + 1 if days else 0
    for day, count in reversed(days):
        left -= count
        if left < -1e-9:
            break
        first = day
    return first
