"""Several chains: what one believes of another, and how requests leave, arrive and come home."""
