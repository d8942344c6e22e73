"""Knows Nginx: topology, workload, access log, preparation, exporter, process-compose."""
