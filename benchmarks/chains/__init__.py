"""Several chains beside each other on this machine, and a model of what they carry."""
