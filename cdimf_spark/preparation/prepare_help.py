"""The help text of `jobs/prepare.py`, made from the declarations of the options."""

from __future__ import annotations

import argparse

from cdimf_spark.configuration.options import allowed_values, describe_options, options_of
from cdimf_spark.preparation.prepare_options import EventsConfig, PrepareOptions

_GROUPS = {
    "what is read": ("columns", "time_from", "time_to", "min_rating", "event_weights", "weights"),
    "what is kept": (
        *("duplicates", "filter", "min_user_interactions", "min_item_interactions"),
        "filter_order",
    ),
    "who is who": ("links", "keep_apart", "keep_apart_above", "key_file", "key_env"),
    "the split": (
        *("split", "order", "test_share", "test_from", "validation", "validation_from"),
        *("min_train", "seed"),
    ),
    "the output": ("format",),
}

_TEXT = """\
splits:
  leave_one_out  one interaction of each user: the last one, or a random one
  ratio          a share of each user's interactions
  time           what is later than a moment; users and items with nothing earlier are dropped
  warm           users whom all domains have; one interaction of each in each domain (the paper's)
  cold           the whole history of random shared users in one of their domains (the paper's)
  train_only     no test set: everything is in train
Held-out items are known in train: in leave_one_out, ratio and warm an interaction that would be
the last one of its item stays in train, in time and cold it is dropped. Users with too few
interactions stay in train as a whole. All such cases are counted and shown. The validation set is
made from what the test set left. Equal seeds give equal splits, whatever the cluster.

examples (each after: spark-submit --properties-file conf/local.conf):
  the Amazon review files of 2014 as they are, with the paper's filters and its warm split:
    jobs/prepare.py --domain sport=reviews_Sports_and_Outdoors.json.gz \\
        --domain cloth=reviews_Clothing_Shoes_and_Jewelry.json.gz --split warm --output data/warm
  the cold split, and the true 5-10-core:
    jobs/prepare.py --domain sport=... --domain cloth=... --split cold --filter k_core
  clicks and purchases, the last two months held out:
    jobs/prepare.py --domain shop=events/*.csv.gz --event-weights view=1,cart=3,purchase=5 \\
        --columns user=visitor,item=article,time=at,event=kind --split time \\
        --validation-from 2024-05-01 --test-from 2024-06-01
  domains without common ids, joined by a link table, under pseudonyms:
    openssl rand -hex 32 > key.txt
    jobs/prepare.py --domain sport=... --domain cloth=... --links persons.csv --key-file key.txt
  equal numbers that are different people:
    jobs/prepare.py --domain sport=... --domain cloth=... --keep-apart-above 9827

options of one domain (--set domains.NAME.KEY=VALUE, and in the YAML file):
"""


def _domain_help() -> str:
    return "\n".join(
        f"  {name}\n      {meaning}; {_allowed(EventsConfig, name)} (default {default})"
        for name, default, meaning, _ in describe_options(EventsConfig)
    )


def _allowed(cls: type, name: str) -> str:
    declared = options_of(cls)[name]
    return _FORMS.get(name) or allowed_values(declared)


_FORMS = {
    "columns": "see --columns",
    "event_weights": "TYPE=WEIGHT,TYPE=WEIGHT,...",
    "time_from": "a date, a time or seconds since 1970",
    "time_to": "a date, a time or seconds since 1970",
    "test_from": "a date, a time or seconds since 1970",
    "validation_from": "a date, a time or seconds since 1970",
}

EXAMPLES = _TEXT + _domain_help()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each option of `PrepareOptions`, in groups."""
    described = {row[0]: row for row in describe_options(PrepareOptions)}
    for title, names in _GROUPS.items():
        group = parser.add_argument_group(title)
        for name in names:
            _, default, meaning, _ = described[name]
            text = f"{meaning}; {_allowed(PrepareOptions, name)} (default {default})"
            group.add_argument(
                f"--{name.replace('_', '-')}", metavar="VALUE", help=text.replace("%", "%%")
            )
