# Databricks notebook source
# MAGIC %md
# MAGIC # cdimf_spark: cross-domain recommendations in five minutes
# MAGIC
# MAGIC Three shops (books, films, games) have users in common and items of their own. Each gets a matrix
# MAGIC factorization of its own; they are coupled so that only `X + U` of the shared users ever leaves a
# MAGIC shop. This notebook trains on a small generated set, shows that the shops agree, compares with
# MAGIC training each shop alone, and recommends.
# MAGIC
# MAGIC It needs `cdimf_spark` with the extra `plots`, from a clone of the repository or its wheel; in Jupyter
# MAGIC also the extra `spark` and Java 17. On Databricks Spark and Delta Lake are there. (Do not install
# MAGIC `cdimf_spark` by its bare name: it is not on the package index.)

# COMMAND ----------

import tempfile

import matplotlib.pyplot as plt
import pandas as pd

from cdimf_spark import CDIMF, CDIMFModel, build_session
from cdimf_spark.demonstration_data import demonstration_split

# The session that is already there, on a cluster; in Jupyter this starts Spark on this machine.
spark = build_session()

# Any folder that Spark can write: a volume, a bucket, a local path.
output = tempfile.mkdtemp(prefix="cdimf_quickstart_") + "/model"

# COMMAND ----------

# MAGIC %md
# MAGIC ## Data
# MAGIC A frame a shop with `user_id`, `item_id` and, if there is one, `weight`. The same person has the same
# MAGIC `user_id` everywhere; the shops share no item. Part of each history is held out for the test, and
# MAGIC some users are new to a shop: all that is known of them is what they did in another one.

# COMMAND ----------

data = demonstration_split(seed=0)
train = {shop: spark.createDataFrame(frame) for shop, frame in data.train.items()}
test = {shop: spark.createDataFrame(frame) for shop, frame in data.test.items()}
train["books"].show(5, truncate=False)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Train
# MAGIC As with `pyspark.ml`: an estimator with its options, `fit` gives a model. The defaults are meant to
# MAGIC work; `help(CDIMF)` and docs/reference/options.md list the options.

# COMMAND ----------

cdimf = CDIMF(output=output, rank=32, max_iter=10, seed=0)
model = cdimf.fit(train)
model.user_factors.show(3)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Convergence
# MAGIC `history` has a row an iteration. The shops agree when the primal residual |X - Z| (how far their
# MAGIC users are from the consensus) and the dual residual (how far the consensus still moves) are small.

# COMMAND ----------

history = model.history.to_pandas().set_index("iteration")

figure, (losses, residuals) = plt.subplots(1, 2, figsize=(11, 4))
parts = ["observed_loss", "unobserved_loss", "regularization_loss", "coupling_loss"]
history[parts].plot.area(ax=losses, title="Loss by part")
history[["primal_residual", "dual_residual"]].plot(ax=residuals, title="Residuals", logy=True)
figure.tight_layout()
plt.show()

# COMMAND ----------

# MAGIC %md
# MAGIC ## Does sharing help?
# MAGIC The same held-out items, ranked among all items of the shop by CDIMF, by a separate factorization
# MAGIC of each shop, and by popularity. A new user of a shop has nothing there that a separate
# MAGIC factorization could use.

# COMMAND ----------

models = {
    "CDIMF": model,
    "separate ALS": model.baseline("separate"),
    "popularity": model.baseline("popularity"),
}
results = {name: one.evaluate(test, k=10, negatives="all") for name, one in models.items()}
metrics = pd.DataFrame(
    [
        {"shop": shop, "model": name, **{key: found[key] for key in ("hr", "ndcg", "coverage")}}
        for name, result in results.items()
        for shop, found in result["domains"].items()
    ]
)
print(metrics.pivot(index="shop", columns="model", values=["hr", "ndcg"]).round(3))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Recommend
# MAGIC For one user or all of them; items that the user already has are left out. `source` says where the
# MAGIC user's factors came from: `own` for a user of this shop; `shared` or `foreign` for one who is new to it
# MAGIC and known from several other shops, or from one.

# COMMAND ----------

new_users = set(data.test["books"]["user_id"]) - set(data.train["books"]["user_id"])
users = [*sorted(new_users)[:2], data.train["books"]["user_id"].iloc[0]]
print({user: data.taste_of_user[user] for user in users})
model.recommend("books", users=users, k=5).show(15, truncate=False)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Later
# MAGIC The model is a folder of Delta tables (`user_factors`, `item_factors`, `shared_factors`,
# MAGIC `history`). Load it again, or read the tables with anything that reads Delta.

# COMMAND ----------

again = CDIMFModel.load(output)
print(again.domains, again.item_factors.count(), "items")
