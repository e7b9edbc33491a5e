"""The term around the notebook: the class, what comes in, when it was due, what goes out."""
