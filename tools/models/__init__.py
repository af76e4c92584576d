"""Who may vouch for a model, and whether somebody has."""
