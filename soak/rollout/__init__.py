"""The rollout ledger: gateways are replaced, added and taken away while people talk, and nobody may notice."""
