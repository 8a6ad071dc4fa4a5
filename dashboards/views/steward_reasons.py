"""Why a row, a file or a delivery is not taken in, as a steward reads it.

Belongs here: one English sentence per reason code of the ingest gate; translations are in
``locale/``. Does not belong here: judging rows. The codes and sentences are those of the
catalogue, which this process does not read; a test holds the two together.
"""

from __future__ import annotations


def _(message: str) -> str:
    """Mark a message for translation."""
    return message


REASONS: dict[str, str] = {
    "broken_json": _("The line is not valid JSON."),
    "nul_byte": _("The line holds a NUL byte."),
    "not_utf8": _("The line is not UTF-8."),
    "duplicate_key": _("A field is there twice in one object."),
    "line_too_long": _("The line or a field in it is longer than allowed."),
    "nested_too_deep": _("The line is nested too deeply."),
    "wrong_kind": _("A field is of the wrong kind, for example text where an object is expected."),
    "not_one_value": _(
        "A field has several values where one is expected, or one that cannot be read."
    ),
    "wrong_resource_type": _("The resource is of another type than the file."),
    "missing_required": _("A required field is missing."),
    "code_not_allowed": _("The code is not among those allowed."),
    "unknown_code_system": _("The code system is unknown or not the expected one."),
    "invalid_date": _("The date does not exist or is incomplete, or the time has no time zone."),
    "value_out_of_range": _("The value is outside the allowed range."),
    "invalid_identifier": _("An id or reference has an invalid form."),
    "repeated_resource": _(
        "The resource is there several times in the delivery; the first was taken in."
    ),
    "identifier_missing": _("The national number or D-number is missing."),
    "identifier_not_digits": _("The identity number holds other than digits."),
    "identifier_lost_leading_zero": _("The identity number has probably lost a leading zero."),
    "identifier_wrong_length": _("The identity number has the wrong length."),
    "identifier_impossible_date": _("The date in the identity number does not exist."),
    "identifier_impossible_individual_number": _(
        "The individual number does not fit the year of birth."
    ),
    "identifier_wrong_first_check_digit": _("The first check digit is wrong."),
    "identifier_wrong_second_check_digit": _("The second check digit is wrong."),
    "identifier_ambiguous_series": _(
        "The series may be help numbers or synthetic, and the source does not say which."
    ),
    "identifier_synthetic_in_production": _("A test person is among real patients."),
    "identifier_not_synthetic_in_test": _(
        "The number is of no synthetic series, and real persons do not belong in a test."
    ),
    "file_missing": _("The file in the manifest is not in the delivery."),
    "file_unreadable": _("The file cannot be opened, or is a link."),
    "wrong_size": _("The file has another size than the manifest says."),
    "wrong_hash": _("The file was changed on its way (SHA-256 does not match)."),
    "unreadable_value": _(
        "A value cannot be read as the source has declared it: number, date or clock time."
    ),
    "broken_csv": _("The line is not valid CSV, for example a quote that never ends."),
    "wrong_field_count": _("The line has more or fewer fields than the header."),
    "damaged_parquet": _("The Parquet file cannot be read."),
    "column_missing": _("A column that is to be read is not in the file."),
    "tables_apart": _("The table was delivered without the other tables about the same."),
    "wrong_header": _("The header is not whole, or a column is there twice."),
    "wrong_encoding": _(
        "The file is not in the declared encoding, or has a byte order mark that is not declared."
    ),
    "damaged_gzip": _("The compressed file is damaged."),
    "truncated_gzip": _("The compressed file ends too early."),
    "decompression_bomb": _("The file unpacks to far more than a journal file can."),
    "wrong_row_count": _("The file has another number of lines than the manifest says."),
    "unknown_entity": _("The resource type is not in the catalogue."),
    "unexpected_entity": _("This organisation does not deliver such resources."),
    "too_many_bad_lines": _("More lines are flawed than tolerated."),
    "type_changed": _("A field has changed its type at the source."),
    "field_renamed": _("A needed field has probably been renamed at the source."),
    "column_emptied": _("A field that should have values is (nearly) empty."),
    "manifest_missing": _("The delivery has no manifest.json."),
    "manifest_invalid": _("The manifest is not as it should be."),
    "manifest_mismatch": _("The manifest belongs to another folder."),
    "unsafe_name": _("The name of a file or folder is not safe."),
    "unknown_source": _("The source is not in the catalogue."),
    "unknown_organisation": _("The organisation is unknown to the source."),
    "transaction_time_ahead": _("The delivery shows a state that is yet to come."),
    "unknown_cohort": _("The organisation has no such cohort."),
    "governance_missing": _(
        "Controller, purpose, legal basis or retention are not filled in for the source."
    ),
    "changed_after_commit": _(
        "The delivery was changed after it was taken in. Deliver corrections as a new one."
    ),
}
