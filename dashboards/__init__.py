"""What both agencies look at. Grafana comes first (``grafana``); nothing here is needed to run the line."""
