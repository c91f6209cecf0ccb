"""The dashboards of Spate as descriptions, from which Grafana's JSON is written."""
