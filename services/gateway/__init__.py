"""The door for people and for systems that speak REST.

Hears HTTP requests and the facts of all stations. Decides nothing but who may ask. Says what the others said: forwards
frames to preprocessing, keeps golden templates in the object store, answers from a bounded view that it folds from the
streams. When it dies: cameras do not notice; a new one folds its view again.
"""
