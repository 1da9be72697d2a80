"""What every process says of itself over HTTP: that it is alive, whether it is ready, and its metrics."""
