"""How the work divides: by who delivered and which period a delivery is about; by cohort shard.

Belongs here: partition definitions and their keys. Does not belong here: anything that reads a
delivery. Everything after the pseudonym door works on all partitions at once, because a person's
history crosses them.
"""

from __future__ import annotations

from dagster import (
    AssetKey,
    DagsterInstance,
    DynamicPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)
from dagster import MultiPartitionKey as DeliveryKey

from pipelines.catalogue.profiles import SourceProfile

ORGANISATIONS = DynamicPartitionsDefinition(name="delivering_organisation")
PERIODS = DynamicPartitionsDefinition(name="delivery_period")

deliveries = MultiPartitionsDefinition({"organisation": ORGANISATIONS, "period": PERIODS})


def delivery_key(organisation: str, period: str) -> DeliveryKey:
    """Partition key of one organisation's deliveries about one period.

    Args:
        organisation: ``delivering_organisation`` of the manifest.
        period: First day of the period, ISO date.
    """
    return DeliveryKey({"organisation": organisation, "period": period})


def register(instance: DagsterInstance, organisation: str, period: str) -> DeliveryKey:
    """Make sure that a partition exists and return its key.

    Args:
        instance: The Dagster instance that keeps the dynamic partitions.
        organisation: ``delivering_organisation`` of the manifest.
        period: First day of the period, ISO date.
    """
    for definition, key in ((ORGANISATIONS, organisation), (PERIODS, period)):
        if not instance.has_dynamic_partition(str(definition.name), key):
            instance.add_dynamic_partitions(str(definition.name), [key])
    return delivery_key(organisation, period)


def export_key(profile: SourceProfile) -> AssetKey:
    """Key of the asset that is a source profile's exports."""
    return AssetKey(["export", profile.name.replace("-", "_")])


def shards(profile: SourceProfile) -> StaticPartitionsDefinition:
    """Cohort shards of a source profile; one partition, the level's, where it has no groups."""
    names = [shard.name for shard in profile.site.groups]
    return StaticPartitionsDefinition(names or [profile.site.level])


def shard_of(profile: SourceProfile, partition: str) -> str | None:
    """Name of the cohort shard of a partition; null where the profile has no groups."""
    return partition if profile.site.groups else None
