"""`jidoka deadletters`: messages that a service could never handle, and what a person does about them."""
