"""When is a part bad, and when is the line stopped? Pure: values in, values out, no clock and no I/O."""
