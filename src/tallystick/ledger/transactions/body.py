"""What every transaction body is."""

from ...base.codec import Record


class Body(Record, tag_field="kind", tag=str.lower):
    """What a transaction asks of the ledger."""
