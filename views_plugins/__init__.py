"""The charts: each view is a folder of its own; it reads records through stats only."""
