"""Feedback and reports that cannot hurt their readers."""
