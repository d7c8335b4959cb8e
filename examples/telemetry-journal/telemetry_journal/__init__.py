"""Services that fail: a view of a telemetry server."""
