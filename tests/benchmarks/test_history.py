"""Ledgers with a long past are made of one that has a short one."""

from benchmarks.bench_history import repeated

REQUEST = "request-" + "a" * 32
RECORDS = {
    f"request/{REQUEST}".encode(): b"of " + REQUEST.encode(),
    f"place/{REQUEST}/bob".encode(): b"bob",
    b"account/bob": b"earned by " + REQUEST.encode(),
}


def test_each_request_has_all_records_of_the_first():
    made = repeated(RECORDS, REQUEST, 5)
    assert RECORDS.items() <= made.items()
    requests = {key.decode().partition("/")[2] for key in made if key.startswith(b"request/")}
    assert len(requests) == 5
    assert {len(request) for request in requests} == {len(REQUEST)}
    for request in requests:
        assert made[f"request/{request}".encode()] == b"of " + request.encode()
        assert made[f"place/{request}/bob".encode()] == b"bob"


def test_what_belongs_to_no_request_is_there_once():
    assert sorted(key for key in repeated(RECORDS, REQUEST, 5) if key.startswith(b"account/")) == [
        b"account/bob"
    ]
