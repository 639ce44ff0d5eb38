#!/bin/sh
exec "$LAB_PYTHON" -m lab.strimzi cluster-operator
