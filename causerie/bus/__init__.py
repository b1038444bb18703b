"""NATS: the only room that speaks to it. Everything here may be lost; the log in PostgreSQL makes it good."""
