"""When do we stop the line? A pure fold: (state, event, rules) -> (state, actions), the same after any crash or replay.

`rule` says what is declared, `watching` feeds the charts, `seeing` shows parts to the rules, `asking` turns a chart's
signal into one incident and asks for the line, `episodes` knows how incidents begin and end, `ignored` alarms for parts
that do not count in their turn, `folding` is the way in: one function for each fact. Nothing here knows a clock; time
comes with the facts.
"""
