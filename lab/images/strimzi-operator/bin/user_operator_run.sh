#!/bin/sh
exec python -m lab.strimzi user-operator
