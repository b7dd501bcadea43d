"""Messages name what was found and what to do; exit codes are those of the jobs."""

from __future__ import annotations

import pickle

import pytest

from cdimf_spark import errors, input_errors

EXAMPLES = [
    errors.UnknownKeyError("rnak", ["rho", "rank"], "conf/x.yaml"),
    errors.ValueOutOfRangeError("rank", 0, "a whole number between 1 and 4096", "--set"),
    errors.UnknownDomainError("sprot", ["book", "sport"]),
    input_errors.MissingInputError("s3a://shop/sport.csv", "sport"),
    input_errors.EmptyInputError("sport.csv", "sport"),
    input_errors.ColumnsError("sport.csv", "no column 'buyer'", ["user", "item"]),
    input_errors.BadRowsError("sport", "sport.csv", 7, "u1,i1,x", "weight is 'x'", 2, 10),
    errors.NumericalError("item factors are not finite"),
]


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.CDIMFError, 1),
        (errors.NumericalError, 1),
        (errors.StorageError, 1),
        (errors.ClusterError, 1),
        (errors.ConfigurationError, 2),
        (errors.UnknownKeyError, 2),
        (errors.ValueOutOfRangeError, 2),
        (errors.DataError, 3),
        (input_errors.MissingInputError, 3),
        (input_errors.BadRowsError, 3),
        (errors.OutputInUseError, 4),
    ],
)
def test_exit_codes(error: type[errors.CDIMFError], exit_code: int) -> None:
    assert error.exit_code == exit_code
    assert issubclass(error, errors.CDIMFError)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_survive_pickling(error: errors.CDIMFError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)


def test_unknown_key_names_the_nearest_one() -> None:
    message = str(errors.UnknownKeyError("rnak", ["rho", "rank"], "conf/x.yaml"))
    assert message == (
        "unknown option 'rnak' in conf/x.yaml: did you mean 'rank'? Known: rank, rho"
    )


def test_unknown_key_without_a_near_one() -> None:
    message = str(errors.UnknownKeyError("zzz", ["rho", "rank"], "conf/x.yaml"))
    assert message == "unknown option 'zzz' in conf/x.yaml. Known: rank, rho"


def test_value_out_of_range_says_what_is_allowed() -> None:
    message = str(errors.ValueOutOfRangeError("rank", 0, "a whole number between 1 and 4096"))
    assert message == "option 'rank' is 0, but must be a whole number between 1 and 4096"


def test_bad_rows_name_file_line_row_and_count() -> None:
    error = input_errors.BadRowsError("sport", "a.csv", 7, "u1,i1,x", "weight is 'x'", 2, 10)
    for part in ("'sport'", "'a.csv', line 7", "weight is 'x'", "'u1,i1,x'", "2 rows of 10"):
        assert part in str(error)


def test_bad_rows_without_lines() -> None:
    error = input_errors.BadRowsError("sport", "a.parquet", None, "{}", "user_id is empty", 1, 10)
    assert "line" not in str(error)
    assert "1 row of 10" in str(error)
