#!/bin/sh
# Runs a class of Kafka, with the variables of the distribution. Without settings it starts fast and stays small:
# the class data of the archive is shared between all JVMs, and code is compiled once, lightly.
# shellcheck disable=SC2086 # the variables hold several options each
exec java ${KAFKA_HEAP_OPTS:--Xmx256m} ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseSerialGC -XX:TieredStopAtLevel=1} \
  -XX:SharedArchiveFile=/opt/kafka/kafka.jsa -Xlog:cds=off -Xlog:cds+dynamic=off \
  ${KAFKA_LOG4J_OPTS:--Dlog4j.configuration=file:/opt/kafka/config/tools-log4j.properties} $KAFKA_OPTS \
  -cp "/opt/kafka/libs/*${CLASSPATH:+:$CLASSPATH}" "$@"
