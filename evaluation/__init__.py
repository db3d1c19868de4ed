"""How good the bot is: measures, baselines, scenarios. May import everything; nothing imports it."""
