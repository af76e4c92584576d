"""What is decided: which copy of a model is served, and when their server is started again."""
