"""How the bot is served: Rasa's server without what an answer does not need."""
