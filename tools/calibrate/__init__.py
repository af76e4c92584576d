"""What a score is worth, and from which score on a person should look: from labelled predictions to a recipe."""
