"""Would the plant's rules have ordered a new tool in time? Asked of tools that were really worn out."""
