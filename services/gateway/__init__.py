"""The gateway: holds the sockets, turns what clients ask into actions and what happened into frames."""
