"""From a file handed in to a verdict in the gradebook; no code of a submission runs in here."""
