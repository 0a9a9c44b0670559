"""Every bound of src/server/limits.h from outside."""

import time
import unittest

from http_case import ConnectionCase, HttpCase, multipart, read_all, statuses

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


class Connections(ConnectionCase):
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

if __name__ == "__main__":
    unittest.main()
