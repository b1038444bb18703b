"""The API: everything of the contract's REST part, from any pod, without memory of its own.

__main__.py       builds the parts and serves until told to stop
http_protocol.py  bounds the head of a request, before anything else sees it
edge.py           what every answer carries: request id, limits, CORS, timing
gate.py           who asks, and how much he may
operation.py      one method of one path: its handler and what OpenAPI says of it
asked.py          a request as a handler sees it
answers.py        what a handler answers; problems.py what a refusal looks like
resources/        the handlers, a module per noun
openapi/          schemas and examples, and the document made of them and the operations
"""
