#!/bin/sh
exec python -m lab.strimzi kafka-init
