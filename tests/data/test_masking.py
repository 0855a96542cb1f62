"""Masking hides what headings and rules reveal, counts it, and leaves the rest alone."""

import numpy as np
import pytest

from tallystick.data.masking import heading_kind, mask, mask_text, pseudonym
from tallystick.data.refusals import DataError
from tallystick.data.table import Table

TABLE = Table(
    {
        "patientName": np.array(["Ada Byron", "Grace Hopper", "Ada Byron"], object),
        "e-mail": np.array(["ada@example.org", None, "ada@example.org"], object),
        "phone": np.array([441632960018, 441632960019, 441632960020]),
        "notes": np.array(
            ["Ada called from 10.0.0.7", "write to g.h@example.org; HOPPER agreed", "adage"], object
        ),
        "product name": np.array(["pump", "valve", "pump"], object),
        "temp": np.array([20.5, 21.0, 19.0]),
    }
)


def test_headings_and_rules_hide_and_the_report_counts():
    masked, report = mask(TABLE)
    assert masked.names == ("patientName", "e-mail", "notes", "product name", "temp")
    assert masked["patientName"].tolist() == ["[name]"] * 3
    assert masked["e-mail"].tolist() == ["[e-mail]", None, "[e-mail]"]
    assert masked["notes"].tolist() == [
        "[name] called from [network address]",
        "write to [e-mail]; [name] agreed",
        "adage",
    ]
    assert masked["product name"].tolist() == ["pump", "valve", "pump"]
    np.testing.assert_array_equal(masked["temp"], TABLE["temp"])
    assert dict(report.counts) == {
        ("patientName", "name"): 3, ("e-mail", "e-mail"): 2, ("notes", "name"): 2,
        ("notes", "network address"): 1, ("notes", "e-mail"): 1,
    }  # fmt: skip
    assert report.dropped == ("phone",)
    for line in ("'patientName': 3 × name masked", "'phone': column removed", "read a sample"):
        assert line in str(report)


def test_a_column_is_treated_as_said():
    key = bytes(range(16))
    masked, report = mask(
        TABLE, {"patientName": "pseudonym", "e-mail": "drop", "phone": "mask", "notes": "keep"}, key
    )
    one, two, three = masked["patientName"].tolist()
    assert one == three != two and one == pseudonym("Ada Byron", key) != pseudonym("Ada Byron", b"x" * 16)
    assert masked["phone"].tolist() == ["[phone]"] * 3 and masked["notes"][0] == TABLE["notes"][0]
    assert report.dropped == ("e-mail",) and report.counts["patientName", "name"] == 3


@pytest.mark.parametrize(
    "heading, kind",
    [
        ("name", "name"), ("first_name", "name"), ("LASTNAME", "name"), ("userName", "name"),
        ("Surname", "name"), ("e_mail", "e-mail"), ("Email Address", "e-mail"), ("mobileNumber", "phone"),
        ("Telephone", "phone"), ("ip", "network address"), ("ipAddress", "network address"),
        ("SSN", "national id"), ("IBAN", "bank account"), ("date_of_birth", "birth date"),
        ("DOB", "birth date"), ("zip", "address"), ("home-address", "address"), ("product_name", ""),
        ("fileName", ""), ("sensorName", ""), ("memory address", ""), ("temp", ""), ("x", ""),
        ("Process temperature [K]", ""), ("Rotational speed [rpm]", ""), ("filename", ""), ("shipping", ""),
        ("phonetics", ""), ("hostname", ""), ("IP rating", ""), ("tip", ""), ("subject", ""), ("label", ""),
    ],
)  # fmt: skip
def test_headings_say_what_a_column_holds(heading, kind):
    assert heading_kind(heading) == kind


def test_text_is_masked_without_a_table():
    text, counts = mask_text("Mail ada@example.org or ada@example.org, Ada.", names=frozenset({"ada"}))
    assert text == "Mail [e-mail] or [e-mail], [name]." and counts == {"e-mail": 2, "name": 1}
    assert mask_text("nothing here") == ("nothing here", {})


def test_a_table_without_personal_data_is_left_alone_and_says_so():
    table = TABLE.select(["product name", "temp"])
    masked, report = mask(table)
    assert (
        masked.names == table.names
        and report.counts == {}
        and "no personal data found by the rules" in str(report)
    )


def test_what_cannot_be_masked_is_refused():
    with pytest.raises(DataError, match="no column 'x'"):
        mask(TABLE, {"x": "drop"})
    with pytest.raises(DataError, match="'hide' for column 'notes' is no action; use mask"):
        mask(TABLE, {"notes": "hide"})  # type: ignore[dict-item]
    with pytest.raises(DataError, match="secret key of at least 16 bytes"):
        mask(TABLE, {"notes": "pseudonym"}, b"short")
