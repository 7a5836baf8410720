"""What the gateway and the engine share as programs: settings, errors on the wire, start and stop.

Needs the server's installation, not the client's.
"""
