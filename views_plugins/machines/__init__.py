"""One machine id: everything it sent, on a page of its own."""
