"""The emulated AWS: moto, with EKS as this project uses it and with answers put right where they are not AWS's.

Importing this package is all that mock_aws and moto's servers need; lab.aws.server is the lab's own server.
"""

from __future__ import annotations

from lab.aws import (
    authorization,
    ec2,
    eks,
    endpoint_services,
    events,
    fleet,
    gate,
    iam,
    images,
    kms,
    logs,
    network,
    pricing,
    quotas,
    settings,
    sqs,
    ssm,
)

for part in (
    *(authorization, ec2, events, fleet, endpoint_services, network, iam, kms, logs, pricing, quotas, sqs, ssm, images),
    *(eks, gate, settings),
):
    part.install()
