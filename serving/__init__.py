"""What Rasa's server stands on here: who is served when, and where conversations are kept."""
