"""The desk in a browser: a server of its own, for staff, beside the one that customers talk to."""
