"""Other right answers: every one of them must pass its check."""
