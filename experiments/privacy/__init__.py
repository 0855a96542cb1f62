"""What an attacker learns of the rows behind a model."""
