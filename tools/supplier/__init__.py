"""What a supplier delivered, as the line saw it: defect rates with their uncertainty, for a conversation on facts."""
