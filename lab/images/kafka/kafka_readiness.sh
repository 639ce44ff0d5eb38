#!/bin/bash
# As in the real image: a broker is ready when it is RUNNING, a controller when its port listens.
case $(sed -n 's/^process.roles=//p' /tmp/server.config) in
  controller) exec 3<>"/dev/tcp/$POD_IP/9090" ;;
  *) test -s /tmp/kafka-started && exec 3<>"/dev/tcp/$POD_IP/9091" ;;
esac
