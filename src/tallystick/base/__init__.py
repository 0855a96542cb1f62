"""The ground: ids, canonical bytes, keys, trees of hashes, integer mathematics and privacy events."""
