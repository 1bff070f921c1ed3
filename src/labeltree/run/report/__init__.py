"""The page that `labeltree evaluate --report` writes."""
