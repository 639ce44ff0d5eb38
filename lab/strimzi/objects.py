"""The Kubernetes objects of a Kafka cluster: pure functions from the plan to plain objects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from lab.strimzi.model import METADATA_VERSION, Cluster, Object, Pool, Volume

# Options that the operator sets itself: it drops a user's silently.
_RESERVED = (
    "listeners", "advertised.", "broker.", "listener.", "host.name", "port", "inter.broker.listener.name", "sasl.", "ssl.", "security.",
    "password.", "log.dir", "zookeeper.", "authorizer.", "super.user", "node.id", "process.roles", "controller.", "metadata.log.dir",
)  # fmt: skip
_FREE = (
    "controller.quorum.election.backoff.max.ms",
    "controller.quorum.election.timeout.ms",
    "controller.quorum.fetch.timeout.ms",
)

LOG4J = """log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender
log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout
log4j.appender.CONSOLE.layout.ConversionPattern=%d{ISO8601} %p %m (%c) [%t]%n
log4j.rootLogger=INFO, CONSOLE
log4j.logger.kafka.request.logger=WARN, CONSOLE
"""


def labels_of(cluster: Cluster, component: str, name: str = "", **more: str) -> dict[str, str]:
    inherited: dict[str, str] = cluster.kafka["metadata"].get("labels", {})
    return {
        **inherited,
        "app.kubernetes.io/instance": cluster.name,
        "app.kubernetes.io/managed-by": "strimzi-cluster-operator",
        "app.kubernetes.io/name": component,
        "app.kubernetes.io/part-of": f"strimzi-{cluster.name}",
        "strimzi.io/cluster": cluster.name,
        "strimzi.io/component-type": component,
        "strimzi.io/kind": "Kafka",
        "strimzi.io/name": f"{cluster.name}-{name or component}",
        **{f"strimzi.io/{key.replace('_', '-')}": value for key, value in more.items()},
    }


def _selector(labels: Mapping[str, str], *more: str) -> dict[str, str]:
    return {f"strimzi.io/{name}": labels[f"strimzi.io/{name}"] for name in (*more, "cluster", "kind", "name")}


def owner_of(resource: Object, *, controller: bool = False) -> list[Object]:
    meta = resource["metadata"]
    return [{"apiVersion": resource["apiVersion"], "kind": resource["kind"], "name": meta["name"], "uid": meta["uid"],
             "controller": controller, "blockOwnerDeletion": False}]  # fmt: skip


def _object(
    kind: str, cluster: Cluster, name: str, labels: dict[str, str], owner: Object | None = None, **content: Any
) -> Object:
    versions = {
        "Deployment": "apps/v1", "PodDisruptionBudget": "policy/v1", "StrimziPodSet": "core.strimzi.io/v1beta2",
        "Role": "rbac.authorization.k8s.io/v1", "RoleBinding": "rbac.authorization.k8s.io/v1",
    }  # fmt: skip
    meta: Object = {
        "name": name,
        "namespace": cluster.namespace,
        "labels": labels,
        "annotations": content.pop("annotations", {}),
    }
    if owner:
        meta["ownerReferences"] = owner_of(owner)
    return {"apiVersion": versions.get(kind, "v1"), "kind": kind, "metadata": meta, **content}


def volumes(storage: Object) -> list[Volume]:
    """The data volumes of a node, the one with the metadata log first."""

    def one(volume: Object, name: str) -> Volume:
        return Volume(name, volume if volume["type"] == "persistent-claim" else None)

    if storage["type"] != "jbod":
        return [one(storage, "data")]
    ordered = sorted(storage["volumes"], key=lambda volume: ("kraftMetadata" not in volume, volume["id"]))
    return [one(volume, f"data-{volume['id']}") for volume in ordered]


def claims(cluster: Cluster) -> list[Object]:
    made = []
    for pool in cluster.pools:
        labels = labels_of(cluster, "kafka", pool_name=pool.name)
        for node in pool.node_ids:
            for volume in volumes(pool.storage):
                if (spec := volume.claim) is None:
                    continue
                content: Object = {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": spec["size"]}},
                }
                if "class" in spec:
                    content["storageClassName"] = spec["class"]
                delete = spec.get("deleteClaim", False)
                made.append(_object(
                    "PersistentVolumeClaim", cluster, f"{volume.name}-{cluster.pod_name(pool, node)}", labels, pool.resource if delete else None,
                    annotations={"strimzi.io/delete-claim": str(delete).lower()}, spec=content,
                ))  # fmt: skip
    return made


def access(cluster: Cluster) -> list[Object]:
    """The pods' service account, its right to read the node's zone, the Services."""
    labels = labels_of(cluster, "kafka")
    made = [_object("ServiceAccount", cluster, f"{cluster.name}-kafka", labels, cluster.kafka)]
    if "rack" in cluster.spec:
        binding = _object("ClusterRoleBinding", cluster, init_binding(cluster.namespace, cluster.name), labels)
        del binding["metadata"]["namespace"]
        made.append(binding | {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "strimzi-kafka-broker"},
            "subjects": [{"kind": "ServiceAccount", "name": f"{cluster.name}-kafka", "namespace": cluster.namespace}],
        })  # fmt: skip
    users = [(f"tcp-{listener['name']}", listener["port"]) for listener in cluster.listeners]
    discovery = [
        {"port": listener["port"], "tls": False, "protocol": "kafka", "auth": "none"} for listener in cluster.listeners
    ]
    made.append(_object(
        "Service", cluster, f"{cluster.name}-kafka-bootstrap", labels | {"strimzi.io/discovery": "true"}, cluster.kafka,
        annotations={"strimzi.io/discovery": json.dumps(discovery)},
        spec={"ports": _ports([("tcp-replication", 9091), *users]), "selector": {"strimzi.io/broker-role": "true"} | _selector(labels)},
    ))  # fmt: skip
    inner = [("tcp-ctrlplane", 9090), ("tcp-replication", 9091), ("tcp-kafkaagent", 8443)]
    made.append(_object(
        "Service", cluster, f"{cluster.name}-kafka-brokers", labels, cluster.kafka,
        spec={"clusterIP": "None", "publishNotReadyAddresses": True, "ports": _ports([*inner, *users]), "selector": _selector(labels)},
    ))  # fmt: skip
    return made


def init_binding(namespace: str, name: str) -> str:
    return f"strimzi-{namespace}-{name}-kafka-init"


def _ports(ports: Iterable[tuple[str, int]]) -> list[Object]:
    return [{"name": name, "port": port, "targetPort": name, "protocol": "TCP"} for name, port in ports]


def metrics_reference(cluster: Cluster) -> tuple[str, str] | None:
    """Name and key of the ConfigMap that the metrics settings name."""
    if "metricsConfig" not in cluster.spec:
        return None
    reference = cluster.spec["metricsConfig"]["valueFrom"]["configMapKeyRef"]
    return str(reference["name"]), str(reference["key"])


def nodes(cluster: Cluster) -> list[Object]:
    """What the pods are made from: a ConfigMap a node, the disruption budget, a StrimziPodSet a pool."""
    labels = labels_of(cluster, "kafka")
    count = sum(len(pool.node_ids) for pool in cluster.pools)
    unavailable = cluster.spec.get("template", {}).get("podDisruptionBudget", {}).get("maxUnavailable", 1)
    budget = {"minAvailable": max(0, count - unavailable), "selector": {"matchLabels": _selector(labels)}}
    made = [_object("PodDisruptionBudget", cluster, f"{cluster.name}-kafka", labels, cluster.kafka, spec=budget)]
    for pool in cluster.pools:
        pods = []
        for node in pool.node_ids:
            config = _object(
                "ConfigMap", cluster, cluster.pod_name(pool, node),
                labels_of(cluster, "kafka", pool_name=pool.name, pod_name=cluster.pod_name(pool, node)), pool.resource,
                data={
                    "cluster.id": cluster.cluster_id,
                    "listeners.config": " ".join(map(_listener_id, cluster.listeners)) if "broker" in pool.roles else "",
                    "log4j.properties": LOG4J,
                    "metadata.version": METADATA_VERSION,
                    "server.config": server_config(cluster, pool, node),
                },
            )  # fmt: skip
            made.append(config)
            pods.append(pod(cluster, pool, node, config["data"]))
        selector = _selector(labels_of(cluster, "kafka", pool_name=pool.name), "pool-name")
        made.append(_object(
            "StrimziPodSet", cluster, f"{cluster.name}-{pool.name}", labels_of(cluster, "kafka", pool_name=pool.name), pool.resource,
            annotations={"strimzi.io/kafka-version": cluster.version, "strimzi.io/storage": json.dumps(pool.storage, sort_keys=True)},
            spec={"selector": {"matchLabels": selector}, "pods": pods},
        ))  # fmt: skip
    return made


def _listener_id(listener: Object) -> str:
    return f"{listener['name'].upper()}_{listener['port']}"


def server_config(cluster: Cluster, pool: Pool, node: int) -> str:
    """The node's Kafka settings, as the real operator writes them but for TLS."""
    domain = cluster.brokers_domain
    voters = [f"{i}@{cluster.pod_name(p, i)}.{domain}.cluster.local:9090" for p, i in cluster.with_role("controller")]
    log_dirs = [f"{volume.path}/kafka-log{node}" for volume in volumes(pool.storage)]
    all_listeners = [("CONTROLPLANE-9090", 9090, "controller"), ("REPLICATION-9091", 9091, "broker")]
    all_listeners += [
        (_listener_id(listener).replace("_", "-"), listener["port"], "broker") for listener in cluster.listeners
    ]
    mine = [(name, port) for name, port, role in all_listeners if role in pool.roles]
    known = [name for name, _, _ in all_listeners if name == "CONTROLPLANE-9090" or "broker" in pool.roles]
    # A broker must not announce the controllers' listener.
    announced = [(name, port) for name, port in mine if name != "CONTROLPLANE-9090" or pool.roles == ["controller"]]
    lines = {
        "node.id": node,
        "process.roles": ",".join(sorted(pool.roles)),
        "controller.listener.names": "CONTROLPLANE-9090",
        "controller.quorum.voters": ",".join(voters),
        "metadata.log.dir": log_dirs[0],
        "log.dirs": ",".join(log_dirs),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in known),
        "listeners": ",".join(f"{name}://0.0.0.0:{port}" for name, port in mine),
        "advertised.listeners": ",".join(
            f"{name}://{cluster.pod_name(pool, node)}.{domain}:{port}" for name, port in announced
        ),
    }
    if "broker" in pool.roles:
        lines["inter.broker.listener.name"] = "REPLICATION-9091"
        if "rack" in cluster.spec:
            lines["broker.rack"] = "${strimzidir:/opt/kafka/init:rack.id}"
            lines["config.providers"] = "strimzidir"
            lines["config.providers.strimzidir.class"] = (
                "org.apache.kafka.common.config.provider.DirectoryConfigProvider"
            )
            lines["config.providers.strimzidir.param.allowed.paths"] = "/opt/kafka"
    for key, value in sorted((cluster.spec.get("config") or {}).items()):
        if key in _FREE or not key.startswith(_RESERVED):
            lines[key] = text_of(value)
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def text_of(value: Any) -> str:
    """A setting of a manifest as Kafka wants it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(text_of, value)) if isinstance(value, list) else str(value)


def pod(cluster: Cluster, pool: Pool, node: int, config: Mapping[str, str]) -> Object:
    name = cluster.pod_name(pool, node)
    # As in 0.47: a pool's template replaces that of the Kafka resource as a whole.
    template = pool.spec.get("template") or cluster.spec.get("template") or {}
    own = template.get("pod", {})
    is_broker = "broker" in pool.roles
    rack = cluster.spec.get("rack")
    resources = pool.spec.get("resources") or cluster.spec.get("resources") or {}
    data = volumes(pool.storage)
    mounts = [{"name": volume.name, "mountPath": volume.path} for volume in data]
    mounts += [
        {"name": "strimzi-tmp", "mountPath": "/tmp"},
        {"name": "kafka-metrics-and-logging", "mountPath": "/opt/kafka/custom-config/"},
    ]
    listed: list[Object] = []
    for volume in data:
        claim = {"persistentVolumeClaim": {"claimName": f"{volume.name}-{name}"}}
        listed.append({"name": volume.name, **(claim if volume.claim else {"emptyDir": {}})})
    listed.append({"name": "strimzi-tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "5Mi"}})
    listed.append({"name": "kafka-metrics-and-logging", "configMap": {"name": name}})
    spec: Object = {
        "affinity": _affinity(cluster, own.get("affinity", {})) if rack else own.get("affinity", {}),
        "containers": [{
            "name": "kafka",
            "image": cluster.images.kafka[cluster.version],
            "args": ["/opt/kafka/kafka_run.sh"],
            "env": _environment(cluster, pool) + template.get("kafkaContainer", {}).get("env", []),
            "ports": _container_ports(cluster, pool),
            "livenessProbe": _probe("liveness", cluster),
            "readinessProbe": _probe("readiness", cluster),
            "resources": resources,
            "volumeMounts": mounts,
        }],
        "hostname": name,
        "subdomain": f"{cluster.name}-kafka-brokers",
        "restartPolicy": "Always",
        "securityContext": {"fsGroup": 0},
        "serviceAccountName": f"{cluster.name}-kafka",
        "terminationGracePeriodSeconds": own.get("terminationGracePeriodSeconds", 30),
        "volumes": listed,
        **{key: own[key] for key in ("tolerations", "topologySpreadConstraints", "priorityClassName") if key in own},
    }  # fmt: skip
    if is_broker and rack:
        rack_mount = {"name": "rack-volume", "mountPath": "/opt/kafka/init"}
        mounts.append(rack_mount)
        listed.append({"name": "rack-volume", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}})
        spec["initContainers"] = [{
            "name": "kafka-init",
            "image": cluster.images.init,
            "args": ["/opt/strimzi/bin/kafka_init_run.sh"],
            "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                    {"name": "RACK_TOPOLOGY_KEY", "value": rack["topologyKey"]}],
            "resources": resources,
            "volumeMounts": [rack_mount],
        }]  # fmt: skip
    labels = own.get("metadata", {}).get("labels", {}) | labels_of(
        cluster, "kafka", pool_name=pool.name, pod_name=name, controller="strimzipodset", controller_name=f"{cluster.name}-{pool.name}",
        broker_role=str(is_broker).lower(), controller_role=str("controller" in pool.roles).lower(),
    )  # fmt: skip
    annotations = own.get("metadata", {}).get("annotations", {}) | {
        "strimzi.io/configuration-hash": _digest(config["server.config"]),
        "strimzi.io/kafka-version": cluster.version,
        "strimzi.io/logging-hash": _digest(config["log4j.properties"]),
    }
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": cluster.namespace, "labels": labels, "annotations": annotations},
        "spec": spec,
    }
    annotations["strimzi.io/revision"] = _digest(json.dumps(made, sort_keys=True))
    return made


def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:8]


def _environment(cluster: Cluster, pool: Pool) -> list[Object]:
    jvm = pool.spec.get("jvmOptions") or cluster.spec.get("jvmOptions") or {}
    env = {
        "KAFKA_JMX_EXPORTER_ENABLED": str("metricsConfig" in cluster.spec).lower(),
        "STRIMZI_KAFKA_GC_LOG_ENABLED": "false",
    }
    if heap := " ".join(f"{option}{jvm[option]}" for option in ("-Xms", "-Xmx") if option in jvm):
        env["KAFKA_HEAP_OPTS"] = heap
    if extra := jvm.get("-XX"):
        switches = {"true": "+{0}", "false": "-{0}"}
        env["KAFKA_JVM_PERFORMANCE_OPTS"] = " ".join(
            "-XX:" + switches.get(text_of(value), "{0}={1}").format(key, value) for key, value in extra.items()
        )
    return [{"name": name, "value": value} for name, value in env.items()]


def _container_ports(cluster: Cluster, pool: Pool) -> list[Object]:
    ports = [("tcp-kafkaagent", 8443)]
    if "controller" in pool.roles:
        ports.append(("tcp-ctrlplane", 9090))
    if "broker" in pool.roles:
        ports.append(("tcp-replication", 9091))
        ports += [(f"tcp-{listener['name']}", listener["port"]) for listener in cluster.listeners]
    if "metricsConfig" in cluster.spec:
        ports.append(("tcp-prometheus", 9404))
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports]


def _probe(kind: str, cluster: Cluster) -> Object:
    wanted = cluster.spec.get(f"{kind}Probe") or {}
    command = [f"/opt/kafka/kafka_{kind}.sh"]
    return {"exec": {"command": command}, "initialDelaySeconds": 15, "timeoutSeconds": 5} | wanted


def _affinity(cluster: Cluster, wanted: Object) -> Object:
    """With rack awareness only nodes with the label will do, and the zones are shared out as far as possible."""
    affinity = deepcopy(wanted)
    key = cluster.spec["rack"]["topologyKey"]
    required = affinity.setdefault("nodeAffinity", {}).setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
    for term in required.setdefault("nodeSelectorTerms", [{}]):
        term.setdefault("matchExpressions", []).append({"key": key, "operator": "Exists"})
    match = {"strimzi.io/cluster": cluster.name, "strimzi.io/name": f"{cluster.name}-kafka"}
    apart = affinity.setdefault("podAntiAffinity", {}).setdefault("preferredDuringSchedulingIgnoredDuringExecution", [])
    apart.append({"weight": 100, "podAffinityTerm": {"labelSelector": {"matchLabels": match}, "topologyKey": key}})
    return affinity


def entity_operator(cluster: Cluster) -> list[Object]:
    """The Topic and the User Operator, or nothing where they are not asked for."""
    wanted = cluster.kafka["spec"].get("entityOperator") or {}
    kinds = {"topic": cluster.images.topic_operator, "user": cluster.images.user_operator}
    if not any(f"{kind}Operator" in wanted for kind in kinds):
        return []
    labels = labels_of(cluster, "entity-operator")
    account = f"{cluster.name}-entity-operator"
    subject = {"kind": "ServiceAccount", "name": account, "namespace": cluster.namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account}
    verbs = ["get", "list", "watch", "create", "patch", "update", "delete"]
    rules = [
        {"apiGroups": ["kafka.strimzi.io"], "resources": ["kafkatopics"], "verbs": verbs},
        {"apiGroups": ["kafka.strimzi.io"], "resources": ["kafkatopics/status"], "verbs": ["get", "patch", "update"]},
    ]
    made = [
        _object("ServiceAccount", cluster, account, labels, cluster.kafka),
        _object("Role", cluster, account, labels, cluster.kafka, rules=rules),
    ]
    containers = []
    for number, (kind, image) in enumerate(kinds.items()):
        if f"{kind}Operator" not in wanted:
            continue
        component = f"entity-{kind}-operator"
        labels_of_kind = labels_of(cluster, component)
        name = f"{cluster.name}-{component}-role"
        made.append(
            _object("RoleBinding", cluster, name, labels_of_kind, cluster.kafka, roleRef=role, subjects=[subject])
        )
        containers.append(_entity_container(cluster, kind, image, 8080 + number))
    spec = {"containers": containers, "serviceAccountName": account, **(wanted.get("template") or {}).get("pod", {})}
    made.append(_object(
        "Deployment", cluster, account, labels, cluster.kafka,
        spec={
            "replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": _selector(labels)},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    ))  # fmt: skip
    return made


def _entity_container(cluster: Cluster, kind: str, image: str, port: int) -> Object:
    selector = "STRIMZI_RESOURCE_LABELS" if kind == "topic" else "STRIMZI_LABELS"
    env = {
        selector: f"strimzi.io/cluster={cluster.name}",
        "STRIMZI_KAFKA_BOOTSTRAP_SERVERS": f"{cluster.name}-kafka-bootstrap:9091",
        "STRIMZI_NAMESPACE": cluster.namespace,
        "STRIMZI_SECURITY_PROTOCOL": "PLAINTEXT",
    }
    probe = {"httpGet": {"path": "/healthy", "port": port}, "initialDelaySeconds": 10, "timeoutSeconds": 5}
    return {
        "name": f"{kind}-operator",
        "image": image,
        "args": [f"/opt/strimzi/bin/{kind}_operator_run.sh"],
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "ports": [{"name": "healthcheck", "containerPort": port, "protocol": "TCP"}],
        "livenessProbe": probe,
        "readinessProbe": probe | {"httpGet": {"path": "/ready", "port": port}},
        "resources": (cluster.kafka["spec"]["entityOperator"][f"{kind}Operator"] or {}).get("resources", {}),
    }
