"""The local lab: an emulated AWS with a real Kubernetes and real Kafka behind it, unprivileged and on loopback only."""
