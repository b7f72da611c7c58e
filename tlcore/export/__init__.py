"""Taking a model elsewhere: one file a format."""
