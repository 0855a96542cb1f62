"""The schemes: phases by which members learn together, as data and pure functions."""
