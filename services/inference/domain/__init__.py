"""What a served model must look like, how it does, and when its server is restarted; time comes in as argument."""
