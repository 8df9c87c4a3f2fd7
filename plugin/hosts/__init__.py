"""One module per host, and the program without one."""
