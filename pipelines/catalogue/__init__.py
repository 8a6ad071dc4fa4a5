"""What exists, as data: indicators, entities, sources and policies.

Belongs here: the declarative files and the strict models that read them.
Does not belong here: anything that runs, and any import of dagster or duckdb.
"""
