"""The child process that holds the connections: commands come in as lines of JSON, reports go out the same way.

`ledger.py` knows what has to reach whom, `tally.py` what took how long; `socket.py` is one connection, `crowd.py` all
of them and how they come, stay and come back, `speech.py` what they say.  `__main__.py` is the process.
"""
