"""``python -m cdimf_spark``: the console command."""

from cdimf_spark.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
