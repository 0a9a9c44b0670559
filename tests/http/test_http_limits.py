"""Every bound of src/server/limits.h from outside."""

import socket
import tempfile
import time
import unittest

from http_case import HttpCase, Server, multipart, read_all, statuses

JSON = {"Content-Type": "application/json"}


class Sizes(HttpCase):
    options = {
        "max-body": 200_000, "max-text": 5000, "max-header": 4096, "max-fields": 10, "max-parts": 4, "json-depth": 5,
        "json-values": 100, "linger-body": 1_000_000,
    }  # fmt: skip

    def refused(self, answer, status):
        self.assertEqual(answer.status, status)
        self.assertIsInstance(answer.detail(), str)

    def test_body(self):
        form, headers = multipart([("file", "x.nii", b"x" * 150_000)])
        self.assertEqual(self.ask("POST", "/echo", form, headers).status, 200)
        form, headers = multipart([("file", "x.nii", b"x" * 250_000)])
        self.refused(self.ask("POST", "/echo", form, headers), 413)
        # The size is not known in advance, and there is no form that takes it.
        for path in ("/echo", "/later"):
            connection = self.connect()
            connection.request("POST", path, (b"x" * 1000 for _ in range(300)), headers, encode_chunked=True)
            self.assertEqual(connection.getresponse().status, 413)
            connection.close()

    def test_a_body_far_beyond_is_not_read(self):
        client = self.raw()
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n")
        self.assertEqual(statuses(read_all(client)), [413])

    def test_a_client_that_sends_first_sees_the_refusal(self):
        connection = self.connect()
        for _ in range(3):
            self.refused(self.ask("POST", "/echo", b"x" * 900_000, JSON, connection=connection), 413)
        self.assertEqual(self.ask("GET", "/echo", connection=connection).status, 200)
        connection.close()

    def test_text(self):
        self.assertEqual(self.ask("POST", "/json/x", '{"a": "%s"}' % ("x" * 4900), JSON).status, 200)
        self.refused(self.ask("POST", "/json/x", '{"a": "%s"}' % ("x" * 5000), JSON), 413)
        form, headers = multipart([("a", "x" * 3000), ("b", "x" * 3000)])
        self.refused(self.ask("POST", "/echo", form, headers), 413)

    def test_header(self):
        self.assertEqual(self.ask("GET", "/echo", headers={"X-Long": "x" * 3500}).status, 200)
        self.refused(self.ask("GET", "/echo", headers={"X-Long": "x" * 4500}), 431)
        self.refused(self.ask("GET", "/echo?a=" + "x" * 5000), 431)
        # Beyond what the library keeps it is the one that refuses.
        for data in (b"X: " + b"x" * 300_000, b"X: y\r\n" * 50_000):
            client = self.raw()
            try:
                client.sendall(b"GET /echo HTTP/1.1\r\nHost: h\r\n" + data + b"\r\n\r\n")
                for status in statuses(read_all(client)):
                    self.assertEqual(status, 431)
            except (BrokenPipeError, ConnectionResetError):
                pass
        self.assertEqual(self.ask("GET", "/echo").status, 200)

    def test_fields(self):
        self.assertEqual(self.ask("GET", "/echo?" + "a=1&" * 10).status, 200)
        self.refused(self.ask("GET", "/echo?" + "a=1&" * 11), 413)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.refused(self.ask("POST", "/echo", "a=1&" * 11, headers), 413)

    def test_parts(self):
        form, headers = multipart([("a", "x")] * 4)
        self.assertEqual(self.ask("POST", "/echo", form, headers).status, 200)
        form, headers = multipart([("a", "x")] * 5)
        self.refused(self.ask("POST", "/echo", form, headers), 413)
        form, headers = multipart([("a", "f.nii", b"x")] * 5)
        self.refused(self.ask("POST", "/echo", form, headers), 413)

    def test_json(self):
        self.assertEqual(self.ask("POST", "/json/x", '{"a":[[[[]]]]}', JSON).status, 200)
        self.refused(self.ask("POST", "/json/x", '{"a":[[[[[]]]]]}', JSON), 413)
        self.assertEqual(self.ask("POST", "/json/x", '{"a":[%s0]}' % ("0," * 90), JSON).status, 200)
        self.refused(self.ask("POST", "/json/x", '{"a":[%s0]}' % ("0," * 100), JSON), 413)


class Connections(unittest.TestCase):
    def start(self, **options):
        folder = tempfile.TemporaryDirectory(prefix="http.")
        self.addCleanup(folder.cleanup)
        server = Server(uploads=folder.name, **options)
        self.addCleanup(server.stop)
        return server

    def connect(self, server):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self.addCleanup(client.close)
        return client

    def asks(self, client, patient=True):
        """Whether the connection answers now; None: it has ended, False: not yet."""
        client.settimeout(60 if patient else 0.5)
        try:
            client.sendall(b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
            data = client.recv(65536)
            return True if data else None
        except (BrokenPipeError, ConnectionResetError):
            return None
        except TimeoutError:
            return False

    def test_of_one_address(self):
        server = self.start(**{"max-connections-per-address": 5})
        clients = [self.connect(server) for _ in range(5)]
        self.assertEqual([self.asks(client) for client in clients], [True] * 5)
        self.assertIsNone(self.asks(self.connect(server)))
        clients.pop().close()
        end = time.monotonic() + 60
        while not self.asks(self.connect(server)):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def test_of_all(self):
        """Those beyond the bound wait until another ends; nobody is cut off."""
        server = self.start(**{"max-connections": 4, "threads": 1})
        clients = [self.connect(server) for _ in range(4)]
        self.assertEqual([self.asks(client) for client in clients], [True] * 4)
        late = self.connect(server)
        self.assertEqual(self.asks(late, patient=False), False)
        clients.pop().close()
        late.settimeout(60)
        self.assertIn(b" 200 ", late.recv(65536))

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
