"""Windows, what is computed of them, and what is wrong with them."""
