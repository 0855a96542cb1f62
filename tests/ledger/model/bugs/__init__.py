"""Defects that are planted into the ledger, one file a subject: each has to be noticed by the histories."""
