"""Whether honesty pays: what members end a request with."""
