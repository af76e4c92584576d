"""Turns each work request into exactly one order in the plant's MES, and follows it there to its end.

It hears `workrequest.requested`, writes it into its outbox, and only then acknowledges. A pump carries what is in the
outbox to the MES: it looks an order up before it asks a second time, waits when the MES is away, stops when the MES
refuses its credentials, and gives to people what will never be taken. It says `workrequest.opened` or
`workrequest.dead-lettered`, then asks after the open orders: `workrequest.completed` ends the incident if the order was
about the line or is the only one, `workrequest.cancelled` leaves it to a quality engineer. News of the incident
(`workrequest.updated`) becomes a comment. When it dies, nothing is lost: what it had in hand is looked up after the
restart. Of several replicas one holds the lease and works, the others stand by.
"""
