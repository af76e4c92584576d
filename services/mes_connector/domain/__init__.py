"""What an order is, what the MES may answer, and what follows from it."""
