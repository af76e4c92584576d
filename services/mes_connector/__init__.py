"""Turns each work request into exactly one order in the plant's MES.

It hears `workrequest.requested`, writes it into its outbox, and only then acknowledges. A pump carries what is in the
outbox to the MES: it looks an order up before it asks a second time, waits when the MES is away, stops when the MES
refuses its credentials, and gives to people what will never be taken. It says `workrequest.opened` or
`workrequest.dead-lettered`. When it dies, nothing is lost: what it had in hand is looked up after the restart.
Run one replica: a second one would not open an order twice (each attempt is claimed in the outbox), but it would
double the load on an MES that is already in trouble.
"""
