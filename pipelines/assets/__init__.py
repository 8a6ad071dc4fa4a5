"""The steps of the pipeline as Dagster assets, one module per zone or door.

Belongs here: thin wrappers that call the rooms below and report rows and seconds. Does not
belong here: any rule of ingest, modelling, protection or publication.
"""
