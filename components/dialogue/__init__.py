"""What to do next: a transformer over the dialogue, as a policy of Rasa's."""
