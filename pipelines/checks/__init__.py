"""Checks of data quality: rendered from the catalogue, run on frames, kept as counts.

Belongs here: what is checked, how a check is run, and where its verdict is kept. Does not
belong here: the wrappers that make a verdict block a step (``pipelines.assets``), tests of SQL
logic (``dbt_project``), and the audit of a release (``anonymization``).
"""
