"""The long proof: a platform is broken on purpose, by a schedule that can be replayed, and nothing may be lost."""
