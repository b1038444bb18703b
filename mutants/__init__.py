"""Our own code, broken on purpose, and the test that notices: a proof of the proofs."""
