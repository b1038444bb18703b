"""The servers we compare ourselves with, each as small as its documentation shows it.

All have one task: a text frame `K PAYLOAD` from any client makes them broadcast PAYLOAD, K times in one turn of their
loop, to everybody connected.  Compression is off everywhere; otherwise they run with their defaults.
"""
