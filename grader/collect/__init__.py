"""Find out what came, from whom, and which file is meant."""
