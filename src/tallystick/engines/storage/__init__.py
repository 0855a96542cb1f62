"""What engines keep on disk: two durable copies of every block, and the authenticated state."""
