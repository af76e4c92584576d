"""The `jidoka` command and what it needs: the embedded plant, simulators, training, code generation."""
