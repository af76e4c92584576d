"""The OPC Foundation's companion specifications as node sets, fetched at set-up: none stands in this repository.

They come in the npm package `node-opcua-nodesets` (MIT; each file carries the OPC Foundation's own MIT header) and are
left as they are on disk: what asyncua cannot read is mended while they are loaded (adapters/scada/nodesets.py).
"""
