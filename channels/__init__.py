"""Where customers talk to the bot."""
