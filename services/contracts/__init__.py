"""What is said between services beyond protobuf: subjects, headers, scopes and the plant file. No behaviour."""
