"""What the command line shares: streams, progress, interruption and exit codes."""
