"""Between HTTP, gRPC, the broker and the view."""
