"""Errors of the package: each says what was found, where, and what to do about it.

A job ends with the ``exit_code`` of the error that stopped it. Classes with facts as arguments
keep them as attributes and compose the message from them; they survive pickling.
"""

from collections.abc import Iterable

from cdimf_spark.wording import did_you_mean


class CDIMFError(Exception):
    """Base of every error that the package raises on purpose."""

    exit_code = 1


class NumericalError(CDIMFError):
    """The arithmetic failed: a singular system, or factors that are not finite."""


class StorageError(CDIMFError):
    """Files cannot be written: the disk is full, or a folder is closed to this user."""


class ClusterError(CDIMFError):
    """The Spark cluster cannot be reached."""


class FederationError(CDIMFError):
    """Another party is late, gone or broken, and the rules say to stop; it can be resumed."""


class ConfigurationError(CDIMFError):
    """The configuration cannot be used as it is."""

    exit_code = 2


class DataError(CDIMFError):
    """The input data cannot be used as they are."""

    exit_code = 3


class OutputInUseError(CDIMFError):
    """Another run holds the output folder."""

    exit_code = 4


class MissingPackageError(ConfigurationError, ImportError):
    """A package that is not installed, and is needed for a part of this one.

    Parameters
    ----------
    what : str
        What needs it.
    package : str
        What is missing, as a user calls it.
    extra : str
        The extra of this package that has it.
    """

    def __init__(self, what: str, package: str, extra: str) -> None:
        self.what, self.package, self.extra = what, package, extra
        super().__init__(what, package, extra)

    def __str__(self) -> str:
        """Say how to install it, by names that are published, or from what one has."""
        return (
            f"{self.what} needs {self.package}: {_PUBLISHED[self.extra]}; or pip install -e "
            f"'.[{self.extra}]' in a clone of the repository, or pip install "
            f"'FILE.whl[{self.extra}]' with its wheel"
        )


# Extras by the published names of what is in them: the name of this package is not published, so
# that anybody could take it.
_PUBLISHED = {
    "spark": "pip install pyspark==4.1.4 delta-spark==4.4.0 (and Java 17)",
    "plots": "pip install matplotlib",
    "psi": "pip install cryptography",
}


class UnknownKeyError(ConfigurationError):
    """An option that does not exist, most often a misspelt one.

    Parameters
    ----------
    key : str
        The name as given.
    known : iterable of str
        The names that exist there.
    where : str
        The file, or the part of the command line, that has the name.
    """

    def __init__(self, key: str, known: Iterable[str], where: str) -> None:
        self.key, self.known, self.where = key, tuple(known), where
        super().__init__(key, self.known, where)

    def __str__(self) -> str:
        """Name the nearest known option and all the others."""
        return (
            f"unknown option {self.key!r} in {self.where}{did_you_mean(self.key, self.known)} "
            f"Known: {', '.join(sorted(self.known))}"
        )


class ValueOutOfRangeError(ConfigurationError):
    """An option whose value is of the wrong kind or outside its range.

    Parameters
    ----------
    key : str
        Name of the option.
    value : object
        The value as given.
    allowed : str
        What the value must be, in words: "a whole number from 1 to 4096".
    where : str, optional
        The file, or the part of the command line, that has the value.
    """

    def __init__(self, key: str, value: object, allowed: str, where: str = "") -> None:
        self.key, self.value, self.allowed, self.where = key, value, allowed, where
        super().__init__(key, value, allowed, where)

    def __str__(self) -> str:
        """Say what was given and what is allowed."""
        place = f" in {self.where}" if self.where else ""
        return f"option {self.key!r}{place} is {self.value!r}, but must be {self.allowed}"


class UnknownDomainError(ConfigurationError):
    """A domain that the model does not have.

    Parameters
    ----------
    name : object
        The name as given.
    known : iterable of str
        Domains of the model.
    """

    def __init__(self, name: object, known: Iterable[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(name, self.known)

    def __str__(self) -> str:
        """Name the nearest domain and all of them."""
        return (
            f"the model has no domain {self.name!r}{did_you_mean(self.name, self.known)} "
            f"Its domains: {', '.join(self.known)}"
        )
