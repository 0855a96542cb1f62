"""Personal data is found in its written forms, and sensor readings, dates and versions are left alone."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.data.personal import KINDS, RULES, find

THERE = [
    ("e-mail", "jane.doe@example.org"),
    ("e-mail", "o'neil+news_2@mail.sub.example.co.uk"),
    ("e-mail", "x@a-b.museum"),
    ("phone", "+44 20 7946 0018"),
    ("phone", "+49 30 901820"),
    ("phone", "+1 (212) 555-2368"),
    ("phone", "+86 138 0013 8000"),
    ("card", "4111 1111 1111 1111"),
    ("card", "5500-0000-0000-0004"),
    ("card", "340000000000009"),
    ("card", "6011000000000004"),
    ("card", "2223003122003222"),
    ("card", "3056 930902 5904"),
    ("bank account", "GB82 WEST 1234 5698 7654 32"),
    ("bank account", "DE89370400440532013000"),
    ("bank account", "FR14 2004 1010 0505 0001 3M02 606"),
    ("network address", "192.168.0.12"),
    ("network address", "8.8.8.8"),
    ("network address", "2001:db8::ff00:42:8329"),
    ("network address", "fe80::1ff:fe23:4567:890a%eth2"),
    ("network address", "::ffff:10.0.0.1"),
    ("national id", "123-45-6789"),
    ("national id", "AB123456C"),
    ("national id", "AB 12 34 56 C"),
    ("national id", "255081416802538"),
    ("national id", "12345678Z"),
    ("national id", "X1234567L"),
    ("national id", "RCCMNL83S18D969H"),
    ("national id", "85.07.30-033.28"),
    ("national id", "131052-308T"),
    ("national id", "211062-5629"),
    ("national id", "756.9217.0769.85"),
    ("national id", "111.444.777-35"),
    ("national id", "11010519491231002X"),
    ("national id", "2341 2341 2346"),
    ("national id", "971013-1019136"),
]
ANNOUNCED = [
    ("SSN: 123456789", "123456789"),
    ("his social security number is 123456789", "123456789"),
    ("NHS number 943 476 5870", "943 476 5870"),
    ("Steuer-ID 36 574 261 809", "36 574 261 809"),
    ("BSN 111222333", "111222333"),
    ("PESEL 44051401359", "44051401359"),
]
NOT_THERE = [
    "2020-05-04 12:30:45.123456", "20200504123045", "1598370000", "1598370000123", "90426708196641",
    "0.12345678901234", "-0.5916671,8.195502,7.091625", "3.14159265358979", "v1.2.3", "1.2.3", "10.5.2 beta",
    "12:30:45", "00:1B", "4111 1111 1111 1112", "0000 0000 0000 0000", "1234567812345678", "GB82 WEST 1234",
    "GB00 WEST 1234 5698 7654 32", "000-12-3456", "BG123456A", "12345678A", "123456789", "943 476 5870",
    "36574261809", "44051401359", "1.2.3.4.5", "999.1.1.1", "256.256.256.256", "not@home", "a@b",
    "user@localhost", "@handle", "RCCMNL83S18D969X", "111.444.777-36", "11010519491231002Y", "::",
    "std::vector",
    "M14860", "L47181", "serial 00012345", "100000 rows x 14 columns", "rotor 1551 rpm 42.8 Nm", "id-4711",
    "https://example.org/a/b?c=123", "0x7f9a37e17b00", "af3b:12", "9780306406157", "+12", "call me", "",
]  # fmt: skip


@pytest.mark.parametrize("kind, text", THERE)
@pytest.mark.parametrize("around", ["{}", "see {}, please", "({})", "x: {}.", "a\n{}\nb", '"{}";'])
def test_what_is_there_is_found_whole(kind, text, around):
    whole = around.format(text)
    [found] = find(whole)
    assert (found.kind, whole[found.start : found.end]) == (kind, text)


@pytest.mark.parametrize("text, number", ANNOUNCED)
def test_bare_digits_count_after_a_word_that_announces_them(text, number):
    [found] = find(text)
    assert (found.kind, text[found.start : found.end]) == ("national id", number)


@pytest.mark.parametrize("text", NOT_THERE)
def test_what_is_not_there_is_not_found(text):
    assert find(text) == []


def test_numbers_of_a_region_are_found_as_people_there_write_them():
    assert find("ring (030) 901820 today") == []
    assert [one.kind for one in find("ring (030) 901820 today", region="DE")] == ["phone"]


def test_kinds_can_be_chosen_and_several_are_found_in_order():
    text = "jane@example.org from 10.0.0.1, card 4111111111111111"
    assert [one.kind for one in find(text)] == ["e-mail", "network address", "card"]
    assert [one.kind for one in find(text, ["card"])] == ["card"]
    assert {rule.kind for rule in RULES} | {"phone"} == set(KINDS)


@pytest.mark.parametrize(
    "piece", ["a@", "1.", "1:", "a@a.", "1 ", "A1", "1-", "DE89 ", "+1", "@", "(", "12:"]
)
def test_no_text_takes_long(piece):
    text = piece * (40_000 // len(piece))
    begun = time.process_time()
    find(text)
    assert time.process_time() - begun < 4


@given(st.text(alphabet="0123456789-. +@:abcdefABCDEF/", max_size=80))
def test_what_is_found_lies_in_the_text_and_does_not_overlap(text):
    found = find(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(before.end <= after.start for before, after in pairwise(found))
