#!/bin/sh
exec python -m lab.strimzi cluster-operator
