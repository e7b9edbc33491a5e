"""What runs inside the sandbox, which gets this folder whole, and what the worker shares."""
