"""How the bot is set up, trained, started and checked."""
