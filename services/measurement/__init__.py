"""From raw sensor samples to numbers that rules can watch.

Hears `Record` calls: windows of samples from sensors. Decides whether a window can be believed; computes root mean
square, peak, crest factor and mean of each channel. Says `measurement.recorded`, acknowledged by the broker before the
sensor gets its answer. When it dies: the sensor gets UNAVAILABLE, keeps the window and sends it again, same id.
"""
