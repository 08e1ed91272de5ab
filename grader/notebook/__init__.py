"""Read a student's notebook and rebuild it from the source."""
