"""What a run leaves: its folder, its events, and the registry that lists all runs and jobs."""
