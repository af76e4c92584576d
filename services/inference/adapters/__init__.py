"""The outside: the Triton process, its gRPC interface, the model folders, and our own gRPC interface."""
