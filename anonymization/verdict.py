"""Whether a finished table holds to its policy.

Belongs here: comparing what was measured with what was asked for. Does not belong here: the
measuring (``risk``), making a table hold (``microdata``).
"""

from anonymization.diversity import ROUNDING
from anonymization.policies import MicrodataPolicy, SensitiveAttribute
from anonymization.risk import Diversity, RiskReport


def violations(report: RiskReport, policy: MicrodataPolicy) -> list[str]:
    """What a table does not hold to, in words.

    Args:
        report: Measures of the table by the policy's quasi-identifiers and sensitive attributes;
            for closeness, against the table it was made from.
        policy: What it must hold to.

    Returns:
        One sentence for each violation; empty when it holds. Columns and numbers only.

    Raises:
        ValueError: If the report lacks a sensitive attribute of the policy, or the population it
            asks about.
    """
    absent = [a.name for a in policy.sensitive if a.name not in report.sensitive]
    if absent:
        raise ValueError(f"violations: the report lacks {', '.join(absent)}. Assess them as well.")
    found = []
    if report.k is not None and report.k < policy.k:
        found.append(f"The smallest class holds {report.k}, fewer than k={policy.k}.")
    if policy.missing == "unmatched" and report.incomplete:
        found.append(f"{report.incomplete} records lack a quasi-identifier, and match nobody.")
    found += _of_population(report, policy)
    for attribute in policy.sensitive:
        found += _of_attribute(attribute, report.sensitive[attribute.name])
    return found


def _of_population(report: RiskReport, policy: MicrodataPolicy) -> list[str]:
    if (policy.k_map is None and policy.presence is None) or report.k is None:
        return []
    if report.k_map is None:
        raise ValueError(
            "violations: the policy asks about the population. Assess the table with the "
            "population, recoded like it."
        )
    found = []
    if report.k_map < (policy.k_map or 0):
        found.append(
            f"The smallest class holds {report.k_map} of the population, fewer than "
            f"k_map={policy.k_map}."
        )
    if policy.presence is None:
        return found
    least, most = policy.presence
    if report.presence_min is None or report.presence_max is None:
        found.append("Some class does not occur in the population.")
    elif report.presence_min < least - ROUNDING or report.presence_max > most + ROUNDING:
        found.append(
            f"The table has from {report.presence_min:.3g} to {report.presence_max:.3g} of the "
            f"population in a class, not from {least:g} to {most:g}."
        )
    return found


def _of_attribute(attribute: SensitiveAttribute, measured: Diversity) -> list[str]:
    if measured.distinct is None or measured.entropy is None:
        return []
    found = []
    subject = f"Sensitive attribute {attribute.name!r}"
    values = measured.entropy if attribute.diversity == "entropy" else float(measured.distinct)
    if values < attribute.l * (1.0 - ROUNDING):
        found.append(
            f"{subject}: some class has {attribute.diversity} diversity {values:.3g}, below "
            f"l={attribute.l:g}."
        )
    bound = measured.recursive
    if attribute.c is not None and bound is not None and bound >= attribute.c:
        found.append(f"{subject}: some class needs c above {bound:.3g}, and c is {attribute.c:g}.")
    if attribute.t is not None and measured.t is not None and measured.t > attribute.t + ROUNDING:
        found.append(
            f"{subject}: some class is {measured.t:.3g} from the whole table, more than "
            f"t={attribute.t:g}."
        )
    return found
