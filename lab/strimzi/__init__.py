"""Stands in for the Strimzi operators of version 0.47.0 on the lab, as the real ones were observed.

Real: the API (custom resource definitions), Kafka itself, topics (through Kafka's admin protocol). Done here: Kafka (KRaft with
node pools), KafkaNodePool, StrimziPodSet and KafkaTopic, with the names, labels, owners, generations and conditions of the real
operators. What a manifest asks for and is not done here ends as NotReady with the reason NotImplementedOnTheLab.

Not done: TLS (the internal listeners 9090 and 9091 are plaintext here, and there are no certificates and Secrets), listeners
with authentication, authorization, KafkaUser (the User Operator only tells that it is alive), Cruise Control, Kafka Exporter, the
metrics endpoint 9404 (a metricsConfig is checked, then ignored), the agent's port 8443, NetworkPolicies, scaling a pool down,
volumes taken out of a pool, changes of the metadata version, several KafkaTopics for one topic, and changes of a broker's
configuration without a restart: here each change rolls.
"""
