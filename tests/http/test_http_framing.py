"""Requests whose end two parties could see in different places, and requests that are none."""

import unittest

from http_case import HttpCase, read_answer, read_all, statuses

HOST = b"Host: h\r\n"
# What an attacker wants to be seen as a request of its own.
HIDDEN = b"GET /echo?a=hidden HTTP/1.1\r\nHost: h\r\n\r\n"


class Smuggling(HttpCase):
    def refused(self, data, wanted=(400,)):
        """One refusal, the connection closed behind it, and nothing hidden answered."""
        said = self.exchange(data)
        self.assertNotIn(b"hidden", said, data)
        self.assertGreater(len(statuses(said)), 0, data)
        for status in statuses(said):  # the library repeats the head of some refusals of its own
            self.assertIn(status, wanted, data)

    def test_two_lengths(self):
        post = b"POST /echo HTTP/1.1\r\n" + HOST
        self.refused(post + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + HIDDEN)
        self.refused(post + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n" + HIDDEN)
        self.refused(post + b"content-length: 0\r\nCONTENT-LENGTH: 50\r\n\r\n" + HIDDEN)

    def test_length_and_coding(self):
        post = b"POST /echo HTTP/1.1\r\n" + HOST
        self.refused(post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN)
        self.refused(post + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + HIDDEN)

    def test_codings(self):
        post = b"POST /echo HTTP/1.1\r\n" + HOST
        for coding in (b"identity", b"gzip, chunked", b"chunked, identity", b"xchunked", b"\x0bchunked", b"chunked, chunked", b""):
            self.refused(post + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n" + HIDDEN)
        self.refused(post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + HIDDEN)
        self.refused(b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN)

    def test_lengths_that_are_none(self):
        post = b"POST /echo HTTP/1.1\r\n" + HOST
        for length in (b"+5", b"-1", b"5, 5", b"0x5", b"5a", b"5 5", b"", b"1e3", b"\xb2"):
            self.refused(post + b"Content-Length: " + length + b"\r\n\r\n" + HIDDEN)
        self.refused(post + b"Content-Length: 99999999999999999999999\r\n\r\n" + HIDDEN, (400, 413))

    def test_chunks_that_are_none(self):
        post = b"POST /json/x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
        for chunks in (b"x\r\n", b"-1\r\n", b"0x1\r\na\r\n0\r\n\r\n", b"\r\n", b"1\r\nab\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n"):
            self.refused(post + chunks + HIDDEN, (400, 413))

    def test_bodies_of_methods_that_have_none(self):
        """GET and DELETE with a length and no body are answered at once; what follows is no request."""
        for method in (b"GET", b"DELETE", b"HEAD"):
            client = self.raw()
            client.sendall(method + b" /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 123456\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n")
            said = read_all(client)
            self.assertEqual(statuses(said), [200], method)
            self.assertIn(b"connection: close", said.lower())
        said = self.exchange(b"GET /echo HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN)
        self.assertEqual(statuses(said), [200])
        self.assertNotIn(b"hidden", said)
        said = self.exchange(b"GET /later?seconds=0.1 HTTP/1.1\r\n" + HOST + b"Content-Length: 7\r\n\r\n")
        self.assertEqual(statuses(said), [200])
        said = self.exchange(b"GET /nothing HTTP/1.1\r\n" + HOST + b"Content-Length: 7\r\n\r\n")
        self.assertEqual(statuses(said), [404])
        said = self.exchange(b"GET /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
        self.assertEqual(statuses(said), [200])

    def test_a_length_of_zero_on_get_keeps_the_connection(self):
        client = self.raw()
        for _ in range(2):
            client.sendall(b"GET /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n")
            self.assertEqual(read_answer(client)[0], 200)

    def test_headers_that_are_none(self):
        for header in (
            b"Content-Length : 41", b"Content-Length\t: 41", b"Transfer-Encoding : chunked", b"Content Length: 41", b"no colon",
            b": x", b" folded: x", b"X: y\r\n folded: x", b"Trans\x00fer-Encoding: chunked",
        ):  # fmt: skip
            self.refused(b"POST /echo HTTP/1.1\r\n" + header + b"\r\n" + HOST + b"\r\n" + HIDDEN)

    def test_a_body_of_a_refused_request_is_no_request(self):
        for path in (b"/nothing", b"/echo/x", b"/echo?a=%ff"):
            said = self.exchange(
                b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
                + b"GET /echo?a=next HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
            )
            self.assertNotIn(b"hidden", said)
            self.assertEqual(len(statuses(said)), 2, said)
            self.assertIn(b'"a": "next"', said)


class Garbage(HttpCase):
    # The library sees that a client closed the half that sends when the time for its next request is over.
    options = {"request-timeout": 1}

    def test_it_is_refused_and_the_server_lives(self):
        for data in (
            b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: h\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), b"\x00" * 1000, b"GET  /echo  HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET /a b c HTTP/1.1\r\nHost: h\r\n\r\n", b"HELO mail\r\n", b"GET /echo\r\n\r\n", b"* * *\r\n\r\n",
            b"GET * HTTP/1.1\r\nHost: h\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", b"GET echo HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", b"GET ? HTTP/1.1\r\nHost: h\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ):  # fmt: skip
            client = self.raw()
            client.sendall(data)
            client.shutdown(1)
            said = read_all(client)
            for status in statuses(said):
                self.assertNotIn(status, (200, 500), (data, said))
            self.assertEqual(self.ask("GET", "/echo").status, 200)


if __name__ == "__main__":
    unittest.main()
