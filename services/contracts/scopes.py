"""OAuth2 scopes of the mesh, and the roles that people hold. Issuer and services are provisioned from these tables."""

INSPECTION_SUBMIT = "inspection.submit"
MEASUREMENT_SUBMIT = "measurement.submit"
VERDICT_JUDGE = "verdict.judge"
MODEL_READ = "model.read"
RESULT_READ = "result.read"
PRODUCT_WRITE = "product.write"
METRICS_READ = "metrics.read"
RULES_PROPOSE = "rules.propose"
RULES_APPROVE = "rules.approve"
INCIDENT_CLOSE = "incident.close"
WORKORDER_REQUEUE = "workorder.requeue"
CONTEXT_WRITE = "context.write"
AUDIT_READ = "audit.read"

SCOPES = (
    INSPECTION_SUBMIT,
    MEASUREMENT_SUBMIT,
    VERDICT_JUDGE,
    MODEL_READ,
    RESULT_READ,
    PRODUCT_WRITE,
    METRICS_READ,
    RULES_PROPOSE,
    RULES_APPROVE,
    INCIDENT_CLOSE,
    WORKORDER_REQUEUE,
    CONTEXT_WRITE,
    AUDIT_READ,
)

# What each service may ask of the others (DESIGN section 5: least privilege).
SERVICE_SCOPES = {
    "preprocessing": (VERDICT_JUDGE, MODEL_READ),
    "inference": (),
    "measurement": (),
    "postprocessing": (),
    "opcua-bridge": (),
    "mes-connector": (),
    "gateway": (INSPECTION_SUBMIT, MODEL_READ),
    "mqtt-mirror": (),
}

# What a person's role grants at the gateway.
ROLE_SCOPES = {
    "operator": (RESULT_READ, INCIDENT_CLOSE),
    "quality-engineer": (RESULT_READ, PRODUCT_WRITE, RULES_PROPOSE, RULES_APPROVE, INCIDENT_CLOSE),
    "ml-engineer": (RESULT_READ, MODEL_READ),
    "maintenance": (RESULT_READ, WORKORDER_REQUEUE),
    "mes": (RESULT_READ, CONTEXT_WRITE),
    "viewer": (RESULT_READ,),
    "auditor": (RESULT_READ, AUDIT_READ),
    "admin": (AUDIT_READ,),
}
