"""The sample shop: a catalogue, people and their orders, the same every time, dated relative to the shop's clock.

The YAML files hold what a person would want to read or change; the modules turn it into rows.
"""
