"""What the bridge decides, without any wire: when to write, what to believe, and which episodes are open."""
