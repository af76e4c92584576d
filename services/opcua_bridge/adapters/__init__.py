"""What the bridge touches: PLCs and SCADA over OPC UA, facts over the broker."""
