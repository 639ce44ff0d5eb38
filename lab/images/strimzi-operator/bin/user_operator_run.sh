#!/bin/sh
exec "$LAB_PYTHON" -m lab.strimzi user-operator
