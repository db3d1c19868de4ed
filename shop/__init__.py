"""The shop: its records, its rules and its policy, in plain Python; it does not know that a bot exists."""
