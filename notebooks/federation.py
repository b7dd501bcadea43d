# Databricks notebook source
# MAGIC %md
# MAGIC # Two businesses that train together
# MAGIC
# MAGIC A bookshop and a film shop share customers, and neither shows the other a purchase. Each has a folder of its own;
# MAGIC they meet in a third one. **In this notebook both parties are in one session**, side by side in two threads, so that
# MAGIC one can look at both. In production each is an application of its own, on its own cluster, with its own account;
# MAGIC permissions of the storage decide who reads what, and the secret key is in a file that only the parties have.

# COMMAND ----------

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import mkdtemp

from cdimf_spark import CDIMF, build_session
from cdimf_spark.demonstration_data import demonstration_split

spark = build_session()
shops = demonstration_split()
folder = Path(mkdtemp(prefix="federation-"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What all parties agree on, and what is private
# MAGIC The terms are one file that both have. The key makes the pseudonyms of the customers and the digests of all rows.

# COMMAND ----------

terms, key = folder / "terms.yaml", folder / "key"
terms.write_text("federation: shops\nparties: [books, films]\nrank: 32\n")
key.write_text("an example: make one by openssl rand -hex 32")


def party(name: str) -> CDIMF:
    """Return what one of the two businesses writes in its own notebook."""
    private = {
        "terms": str(terms),
        "party": name,
        "meeting_place": str(folder / "meeting_place"),
        "key_file": str(key),
    }
    return CDIMF(folder / name / "model", max_iter=6, num_blocks=2, federation=private)


# COMMAND ----------

# MAGIC %md
# MAGIC ## Both train
# MAGIC Each waits for the other's rows of a round, and goes on.

# COMMAND ----------

names = ["books", "films"]
with ThreadPoolExecutor() as pool:
    fits = [
        pool.submit(party(name).fit, {name: shops.train[name]}, verbose=False) for name in names
    ]
    models = {name: fit.result() for name, fit in zip(names, fits, strict=True)}

# COMMAND ----------

# MAGIC %md
# MAGIC ## What it is worth

# COMMAND ----------

results = {
    name: model.compare({name: shops.test[name]}, baselines=["separate"], negatives="all")
    for name, model in models.items()
}
for result in results.values():
    print(result)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What left the bookshop
# MAGIC The audit log is its own table. The film shop can read what is below `meeting_place/books`, and nothing else.

# COMMAND ----------

log = spark.read.format("delta").load(str(folder / "books" / "model" / "audit_log"))
log.where("direction = 'sent'").orderBy("at").show(truncate=False)
left = sorted(path.name for path in (folder / "meeting_place" / "books").iterdir())
print(left)
