#!/bin/sh
exec python -m lab.strimzi topic-operator
