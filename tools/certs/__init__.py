"""The plant's certificates: one CA, and one application certificate for each OPC UA application (`jidoka certs`).

A PKI folder has `ca/` and one folder for each application, ready to be mounted: `own/` (certificate and key),
`trusted/` (the CA), `issuers/`, `crl/`, and `rejected/` that the application fills.
"""

from tools.certs.authority import CERTIFICATE, PRIVATE_KEY, VALID, Authority, PkiError, ensure_pki

__all__ = ["CERTIFICATE", "PRIVATE_KEY", "VALID", "Authority", "PkiError", "ensure_pki"]
