"""The broker, the database and the MES."""
