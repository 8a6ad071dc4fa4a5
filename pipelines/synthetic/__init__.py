"""A synthetic region with known truth, and the extracts it would deliver.

Belongs here: making persons, events and services for all municipalities, writing them as
deliveries, and the exact indicator values before any protection. Does not belong here:
reading deliveries, protecting figures, anything about a real person.
"""

from pipelines.synthetic.canaries import canaries
from pipelines.synthetic.extract import Delivery, steps, write_extract
from pipelines.synthetic.files import FORMATS, Format
from pipelines.synthetic.generate import generate_tables
from pipelines.synthetic.model import Progress, Region, SyntheticSettings
from pipelines.synthetic.phenomena import phenomena
from pipelines.synthetic.reference import region_page
from pipelines.synthetic.register import write_register
from pipelines.synthetic.star_columns import mapping
from pipelines.synthetic.truth import indicator_truth, write_truth

__all__ = [
    "FORMATS",
    "Delivery",
    "Format",
    "Progress",
    "Region",
    "SyntheticSettings",
    "canaries",
    "generate_tables",
    "indicator_truth",
    "mapping",
    "phenomena",
    "region_page",
    "steps",
    "write_extract",
    "write_register",
    "write_truth",
]
