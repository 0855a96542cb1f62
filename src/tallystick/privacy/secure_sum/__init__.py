"""Bonawitz' double masking without a transport: the sum of members' integers and nothing else."""
