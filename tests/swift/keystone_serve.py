"""Serves Keystone on loopback: keystone_serve.py FOLDER PORT

With the server of the standard library: Keystone reads the arguments of the process that it runs in, so that one with
arguments of its own cannot carry it.
"""

import os
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

folder, port = sys.argv[1:]
os.environ["OS_KEYSTONE_CONFIG_DIR"] = folder
sys.argv = ["keystone"]

from keystone.wsgi.api import application  # noqa: E402


class Server(ThreadingMixIn, WSGIServer):
    """One thread for each connection."""

    daemon_threads = True
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    """Without a line for each request, and without asking for names of addresses."""

    def log_message(self, format, *args):
        pass

    def address_string(self):
        return self.client_address[0]


make_server("127.0.0.1", int(port), application, Server, Handler).serve_forever()
