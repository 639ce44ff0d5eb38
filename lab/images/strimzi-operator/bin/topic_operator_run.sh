#!/bin/sh
exec "$LAB_PYTHON" -m lab.strimzi topic-operator
