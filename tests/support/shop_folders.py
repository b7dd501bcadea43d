"""Folders of somebody who uses the package, and has other things beside."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Shop:
    """Folders of somebody who uses the package, and has other things beside."""

    root: Path
    domain: str

    @property
    def model(self) -> Path:
        return self.root / "models" / "shop"

    @property
    def data(self) -> Path:
        return self.root / "data" / "sport"


def make_shop(root: Path, model: str, domain: str) -> Shop:
    """A model, data, and things that no command may touch.

    Parameters
    ----------
    model
        Folder of a model, which is copied.
    domain
        One of its domains.
    """
    shop = Shop(root, domain)
    shutil.copytree(model, shop.model)
    shop.data.mkdir(parents=True)
    (shop.data / "monday.csv").write_text("user,item\nu1,i1\nu1,i2\nu2,i1\n")
    (shop.root / "foreign" / "deep").mkdir(parents=True)
    (shop.root / "foreign" / "deep" / "thesis.doc").write_text("years of work")
    (shop.root / "repository" / ".git").mkdir(parents=True)
    (shop.root / "repository" / ".git" / "HEAD").write_text("ref: refs/heads/main")
    (shop.root / "parquet" / "state").mkdir(parents=True)
    (shop.root / "parquet" / "state" / "part-00000.parquet").write_bytes(b"a table of a geographer")
    (shop.root / "link").symlink_to(shop.model)
    (shop.root / "export").mkdir()
    (shop.root / "export" / "model.json").write_text('{"format": "cdimf_spark arrays"}')
    return shop
