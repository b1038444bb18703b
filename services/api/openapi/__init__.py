"""What OpenAPI says of the API, made of the operations themselves and the schemas here."""
