"""How the bot understands and decides: Rasa graph components. Imports nothing of ours."""
