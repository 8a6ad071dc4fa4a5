"""The pages that planners and stewards read.

Belongs here: opening what is published, drawing it, and saying it in three languages. Does
not belong here: anything that computes or protects a figure. Nothing in this package imports
``anonymization``, nor ``pipelines`` beyond the pure ``pipelines.epidemiology``.
"""
