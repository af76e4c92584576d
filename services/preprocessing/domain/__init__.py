"""What preprocessing decides, free of any transport."""
