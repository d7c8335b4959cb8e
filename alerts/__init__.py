"""Telling people when something is wrong: rules, what they found, and messages."""
