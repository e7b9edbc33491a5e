"""What runs inside the sandbox, and what it shares with the worker: a sandbox gets this folder whole."""
