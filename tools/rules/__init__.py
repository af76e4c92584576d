"""`jidoka rules`: prove the rules before they decide anything."""
