#!/bin/bash
# Starts the Kafka node whose ConfigMap is mounted at custom-config. It becomes the JVM, so that signals reach it.
set -e
cd /opt/kafka
rm -f /tmp/kafka-started
cp custom-config/server.config /tmp/server.config
# Every pod of the lab has an address of its own on one shared network, so that "all addresses" would clash.
sed -i "/^listeners=/s/0\.0\.0\.0/$POD_IP/g" /tmp/server.config
cat custom-config/log4j.properties config/started-log4j.properties > /tmp/log4j.properties
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xms128m -Xmx256m}
kafka-storage.sh format -t="$(cat custom-config/cluster.id)" -r="$(cat custom-config/metadata.version)" -c=/tmp/server.config -g
export KAFKA_LOG4J_OPTS=-Dlog4j.configuration=file:/tmp/log4j.properties
exec kafka-run-class.sh kafka.Kafka /tmp/server.config
