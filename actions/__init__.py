"""What the bot can do: one thin module per capability, between the conversation and `shop`."""
