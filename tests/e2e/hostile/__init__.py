"""Requests that nobody with good intentions sends, and what they are answered."""
