"""What a user can do: one function, one intention, one transaction. Shared by the API and the gateway."""
