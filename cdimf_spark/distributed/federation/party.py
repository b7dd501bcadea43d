"""A party of a federation: what a training needs to take part in it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, Self

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.federation import FederationConfig
from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.distributed.federation.aligning.alignment import Aligner
from cdimf_spark.distributed.federation.audit import SENT, AuditLog, Booking
from cdimf_spark.distributed.federation.joining import Members, join
from cdimf_spark.distributed.federation.meeting_place import BETWEEN, STATUS, MeetingPlace
from cdimf_spark.distributed.federation.rounds.exchange import RoundExchange
from cdimf_spark.distributed.federation.rounds.round_signs import FINISHED, LEFT, RoundSigns
from cdimf_spark.distributed.federation.rounds.sending import Sender
from cdimf_spark.distributed.federation.steps.partner_steps import PartnerSteps
from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.preparation.identity import read_key
from cdimf_spark.distributed.training.steps.iteration import Steps
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.federation.blinding import POINT_BYTES, check_blinding
from cdimf_spark.federation.durations import parse_duration
from cdimf_spark.federation.secrets import digest_key
from cdimf_spark.federation.terms import MODEL_TERMS, PSI, Terms, load_terms

logger = logging.getLogger(__name__)

# Who can read the terms and the pseudonyms.
EVERYBODY = "*"
# What stands for a user in the tables: a key, a point, a point and what became of it.
_BYTES_OF_USER = {
    "pseudonyms": 8,
    "points": POINT_BYTES,
    "points of another party": 2 * POINT_BYTES,
}


@dataclass
class Party:
    """One party in one training.

    Attributes
    ----------
    config
        Of the training, with the terms in it.
    key
        Secret key of all parties.
    members
        The parties, once joined.
    audiences
        Names of the audiences of the own users, once aligned.
    """

    config: TrainConfig
    terms: Terms
    place: MeetingPlace
    key: bytes
    members: Members | None = None
    audiences: tuple[str, ...] = ()
    _exchange: list[RoundExchange] = field(default_factory=list)

    @classmethod
    def of(cls, spark: SparkSession, config: TrainConfig) -> Self:
        """The party that a configuration describes.

        Raises
        ------
        ConfigurationError
            If the terms cannot be read, do not name the party, or contradict the configuration.
        """
        private = _private(config)
        terms = load_terms(private.terms)
        if private.party not in terms.parties:
            raise ConfigurationError(
                f"federation: party {private.party!r} is none of those in {private.terms!r}: "
                f"{', '.join(terms.parties)}"
            )
        if terms.identity == PSI:
            check_blinding()
        key = read_key(private.key_file, private.key_env) or b""
        place = MeetingPlace(
            spark,
            private.meeting_place,
            terms.federation,
            terms.training,
            private.party,
            digest_key(key, terms.federation),
            parse_duration(private.keep_files),
        )
        return cls(with_terms(config, terms), terms, place, key)

    @property
    def _private(self) -> OutputTables:
        return OutputTables(self.place.spark, self.config.output)

    @property
    def _audit(self) -> AuditLog:
        return AuditLog(self._private, self.terms.training)

    def align(self, keyed: DataFrame) -> tuple[DataFrame, Mapping[str, Any]]:
        """Join the others, and find the shared users."""
        self._join()
        aligner = Aligner(self.place, self.terms, self.key, self._private, self._book)
        found = aligner.align(keyed, self.config.coupled_domains)
        self.audiences = found.audiences
        details = {
            "party": self.place.party,
            "terms": self.terms.to_json(),
            "audiences": list(found.audiences),
        }
        return found.keyed, {"federation": details}

    def rejoin(self, details: Mapping[str, Any]) -> None:
        """Join the others again, after a stop."""
        before = details.get("federation")
        if before is None or before["terms"] != self.terms.to_json():
            raise ConfigurationError(
                "cannot resume: the run began with other terms, or in no federation. Restore them, "
                "or start a new run without --resume"
            )
        self._join()
        self.audiences = tuple(before["audiences"])

    def steps(self, steps: Steps, run: Run) -> Steps:
        """The steps of this party."""
        if self.members is None:
            raise AssertionError("joined before")
        side, model = steps.settings.layout.users, self.config.model
        exchange = RoundExchange(
            signs=RoundSigns(self.place, self.terms, self._partners()),
            members=self.members,
            sender=self._sender(run),
            run=run,
            users=steps.static.users,
            side=side,
            period=model.aggregation_period,
            inputs=run.iterations[-1]["inputs"] if run.iterations else {},
        )
        self._exchange[:] = [exchange]
        consensus = replace(steps.consensus, rho=self.members.by_domain)
        return PartnerSteps(steps.static, steps.settings, consensus, steps.earlier, exchange)

    def _sender(self, run: Run) -> Sender:
        model = self.config.model
        kept = model.aggregation_period * (self.terms.max_staleness + model.keep_iterations)
        return Sender(self.place, run.run_id, self.audiences, self._audit, model.rank, kept)

    def _partners(self) -> tuple[str, ...]:
        """The other parties that have some of the own users."""
        names = {name for audience in self.audiences for name in audience.split(BETWEEN)}
        return tuple(sorted(names - {self.place.party}))

    def leave(self) -> int:
        """Say that this party will not go on; its last rows stay in use. Returns their round."""
        events = self.place.events(self.place.party, STATUS)
        last = max((event.round for event in events), default=0)
        self.place.announce(STATUS, LEFT, last, "", {})
        return last

    def finish(self, run: Run) -> None:
        """Say that no round will follow, and delete the rounds that nobody needs any more."""
        for exchange in self._exchange:
            exchange.close()
        self.place.announce(STATUS, FINISHED, run.iteration, run.run_id, {})
        logger.info("party %s finished after round %d", self.place.party, run.iteration)

    def _join(self) -> None:
        names = self.config.coupled_domains
        domains = {domain.name: domain for domain in self.config.domains}
        rho = {name: self.config.model.for_domain(domains[name]).rho for name in sorted(names)}
        if not rho:
            raise ConfigurationError(
                "federation: no domain has a rho above 0, so that nothing would be exchanged"
            )
        self.members = join(self.place, self.terms, rho, partial(self._book, "terms", EVERYBODY, 0))

    def _book(self, what: str, audience: str, users: int) -> None:
        """Book what leaves before the first round."""
        size = len(self.terms.to_json()) if what == "terms" else users * _BYTES_OF_USER[what]
        self._audit.book([Booking(SENT, what, 0, self.place.party, audience, users, size)])


def _private(config: TrainConfig) -> FederationConfig:
    if config.federation is None:
        raise AssertionError("called for a configuration with a federation")
    return config.federation


def with_terms(config: TrainConfig, terms: Terms) -> TrainConfig:
    """The configuration of a party with the options that the terms set.

    Raises
    ------
    ConfigurationError
        If it sets one of them to something else.
    """
    default = {entry.name: entry.default for entry in fields(ModelConfig)}
    for name, agreed in terms.model_options.items():
        mine = getattr(config.model, name)
        if mine not in (default[name], agreed):
            raise ConfigurationError(
                f"{name} is {mine!r}, but the terms of federation {terms.federation!r} say "
                f"{agreed!r}: leave it out here, or let all parties change the terms"
            )
    options = {name: getattr(terms, name) for name in MODEL_TERMS}
    return replace(config, model=replace(config.model, **options))
