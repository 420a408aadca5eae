"""Studies: a question, the runs that answer it, and a verdict on every claim, computed.

A *study* (`declaration`) is one file of `reports/`. Its *arms* are configurations, each trained with several seeds; its
*claims* are sentences of a report, each with the *rule* (`rules`) that decides it from *measures* (`measures`) of the runs; its
*parts* (`parts`) are the tables and figures of its page. `results` finds the runs of the arms in ledgers, `run` trains those
that are missing, as a sweep, and `page` and `writing` tell what was found. `evidence` is what a ledger keeps of a run beside
its scores.
"""
