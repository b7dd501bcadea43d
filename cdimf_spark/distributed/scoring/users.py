"""Requested users of one user block: the row that scores each, and what they have seen.

A task has the packed rows of a block number of all domains, since users of all domains are cut
alike: whatever is known about a user anywhere is there, and found by their key. No user is joined.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix
from cdimf_spark.distributed.scoring.item_rows import check_rows
from cdimf_spark.kernel.ranking.lists import Lists
from cdimf_spark.scoring.sources import Sources
from cdimf_spark.scoring.users import Histories, Known, Users, find_users

Indexes = NDArray[np.int64]


def find_in_block(
    static: pa.Table, domain: str, keys: Indexes, sources: Sources, rank: int
) -> Users:
    """Find the rows of users in a domain, see `find_users`.

    Parameters
    ----------
    static
        Packed rows of one block number of the domains of `Sources.domains_for` at least.
    keys : int64 (n_users,)
        Keys of the users, ascending and distinct.
    """
    own = _known(static, domain, rank)
    others = [_known(static, name, rank) for name in sources.domains_for(domain) if name != domain]
    indptr, indices, columns = (
        decode(static, kind, domain=domain) for kind in ("indptr", "indices", "columns")
    )
    histories = Histories(Lists(indptr, indices), columns)
    return find_users(keys, own, others, histories, sources.transfers)


def _known(static: pa.Table, domain: str, rank: int) -> Known:
    keys = decode(static, "keys", domain=domain)
    factors = decode_matrix(static, "factors", rank, domain=domain)
    check_rows(factors, len(keys), "user")
    shared = decode(static, "shared", domain=domain).astype(np.int64)
    z = decode_matrix(static, "z", rank, domain=domain)
    return Known(keys, factors, shared, z if len(z) == len(shared) else factors[shared])
