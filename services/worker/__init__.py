"""The worker: orders what was committed, knows who sits where, and sends each node what is for it."""
