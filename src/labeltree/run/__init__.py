"""What one does with models: fit on data, evaluate, explain."""
