"""Software updates: from which build to which, and how they ended."""
