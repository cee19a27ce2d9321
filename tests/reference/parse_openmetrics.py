#!/usr/bin/env python3
"""Read OpenMetrics text from standard input with Prometheus's own parser and write what it says as JSON.

Numbers are written as strings with every digit. Text that the parser refuses ends the script with its exception.
"""
import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = [
    {
        "name": family.name,
        "kind": family.type,
        "unit": family.unit,
        "help": family.documentation,
        "samples": [{"name": s.name, "labels": s.labels, "value": repr(s.value)} for s in family.samples],
    }
    for family in text_string_to_metric_families(sys.stdin.buffer.read().decode())
]
json.dump(families, sys.stdout)
