"""The services on a Ray cluster: the same application, as Ray Serve deployments."""
