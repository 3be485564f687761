"""A service manager's notification socket: prints each datagram as one line of JSON until it is ended."""
import json
import socket
import sys

path = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\0" + path[1:] if path.startswith("@") else path)
print(json.dumps("listening"), flush=True)
while True:
    print(json.dumps(receiver.recv(4096).decode()), flush=True)
