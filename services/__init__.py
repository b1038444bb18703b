"""The processes of the platform. Each builds what it uses in its `__main__.py`; none imports another."""
