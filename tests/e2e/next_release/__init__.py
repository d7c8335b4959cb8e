"""A release that is to come: its migrations, and settings with them."""
