"""Which pixels drove a box: evidence from the network itself, for the model card and for whoever doubts a verdict."""
