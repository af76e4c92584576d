"""The broker of the mesh on one side, MQTT on the other."""
