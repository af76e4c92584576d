"""When do we stop the line? A pure fold: (state, event, rules) -> (state, actions), the same after any crash or replay.

`rule` says what is declared, `watching` feeds the charts, `episodes` turns a chart's signal into one incident with its
actions, `folding` is the way in: one function for each fact. Nothing here knows a clock; time comes with the facts.
"""
