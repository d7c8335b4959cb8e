"""Machine check events: what processors report of errors in themselves and memory."""
