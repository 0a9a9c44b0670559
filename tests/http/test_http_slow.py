"""Clients that are slow to send or to read, and handlers that are slow to answer."""

import socket
import time
import unittest

from http_case import ConnectionCase, read_all, statuses


class Slow(ConnectionCase):
    def test_slow_headers(self):
        server = self.start(**{"request-timeout": 1})
        client = self.connect(server)
        begin = time.monotonic()
        dripped = 0
        try:
            client.sendall(b"GET /echo HTTP/1.1\r\nHost: h\r\nX: ")
            while time.monotonic() < begin + 60:
                client.sendall(b"x")
                dripped += 1
                client.settimeout(0.2)
                try:
                    if client.recv(1000) == b"":
                        break
                except TimeoutError:
                    pass
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.assertLess(time.monotonic() - begin, 50)
        self.assertGreater(dripped, 1)
        # One that says nothing at all, and one that has been answered and stays.
        silent = self.connect(server)
        idle = self.connect(server)
        self.assertTrue(self.asks(idle))
        for client in (silent, idle):
            client.settimeout(60)
            self.assertEqual(client.recv(1000), b"")

    def test_slow_bodies(self):
        server = self.start(**{"request-timeout": 1, "min-body-rate": 1000})
        client = self.connect(server)
        client.sendall(b"POST /json/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
        begin = time.monotonic()
        try:
            while time.monotonic() < begin + 60:
                client.sendall(b"x")
                time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.assertLess(time.monotonic() - begin, 50)
        # One that goes on at the rate may take longer than the time alone.
        client = self.connect(server)
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\n")
        for _ in range(20):
            client.sendall(b"x" * 2000)
            time.sleep(0.1)
        self.assertIn(b" 200 ", client.recv(65536))

    def test_a_handler_may_take_longer(self):
        server = self.start(**{"request-timeout": 1, "idle-timeout": 1})
        clients = {}
        for path in (b"/later?seconds=3", b"/block?seconds=3", b"/events?count=2&ms=1700"):
            clients[path] = self.connect(server)
            clients[path].sendall(b"GET " + path + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        for path, client in clients.items():
            data = read_all(client)
            self.assertEqual(statuses(data), [200], path)
            self.assertTrue(data.endswith(b"}") or data.endswith(b"0\r\n\r\n"), data[-50:])

    def test_a_reader_that_stops(self):
        server = self.start(**{"idle-timeout": 1})
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /events?count=-1&size=100000 HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertEqual(server.record("GET", "/events")[2], "0")

    def test_events_that_nobody_reads(self):
        server = self.start(**{"max-event-queue": 100_000, "idle-timeout": 600})
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /events?count=-1&size=50000 HTTP/1.1\r\nHost: h\r\n\r\n")
        other = self.connect(server)
        end = time.monotonic() + 60
        while True:
            other.sendall(b"GET /state HTTP/1.1\r\nHost: h\r\n\r\n")
            if b'"gone": 1' in other.recv(65536):
                break
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

if __name__ == "__main__":
    unittest.main()
