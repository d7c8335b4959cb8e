"""Thermal events: processors that got too hot, or cool again."""
