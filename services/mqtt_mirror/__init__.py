"""The plant's unified namespace on MQTT, for dashboards and SCADA systems that speak nothing else.

Hears verdicts, pauses, warnings and what the lines do. Decides only what is still news. Says it over MQTT 3.1.1:
results and warnings as they come, states and alarms retained, its own death as a last will. Takes nothing from MQTT:
no line can be commanded there. Runs only where the plant file has an `mqtt` section. When it dies, retained topics keep
their last value beside `online: false`, and the next life goes on where the streams were left.
"""
