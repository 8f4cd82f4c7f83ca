"""MLflow beside the records."""
