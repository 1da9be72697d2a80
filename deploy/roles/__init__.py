"""The processes of the line: each role takes the settings and runs until it is told to stop."""
