"""Addresses, queries, methods, keep-alive, pipelining."""

import socket
import threading
import unittest

from http_case import HttpCase, read_answer, statuses


class Addresses(HttpCase):
    def test_both_slash_forms(self):
        for path in ("/echo", "/echo/", "/echo?a=1", "/echo/?a=1"):
            self.assertEqual(self.ask("GET", path).status, 200, path)

    def test_percent_decoding_of_segments(self):
        for path, name, spaced in [
            ("/echo/SAM", "SAM", None),
            ("/echo/a%20b", "a b", None),
            ("/echo/a+b%2Bc", "a+b+c", "a b+c"),
            ("/echo/x%2Fy/", "x/y", None),
            ("/echo/%E8%83%B8", "\u80f8", None),
            ("/echo/%zz%4", "%zz%4", None),
            ("/echo/%2e%2e", "..", None),
        ]:
            said = self.ask("GET", path).json()
            self.assertEqual((said["name"], said["spaced"]), (name, spaced), path)

    def test_the_rest_of_a_path(self):
        self.assertEqual(self.ask("GET", "/deep/a/b%20c/../d").json()["path"], "a/b c/../d")
        self.assertEqual(self.ask("GET", "/deep").json()["path"], "")

    def test_addresses_that_cannot_be(self):
        for path in ("/echo/%00", "/echo/%ff", "/echo?a=%00", "/echo?%c0%80=1"):
            answer = self.ask("GET", path)
            self.assertEqual(answer.status, 400, path)
            self.assertIsInstance(answer.detail(), str)

    def test_absolute_form(self):
        data = self.exchange(b"GET http://host.example:1/echo/x?a=5 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        self.assertEqual(statuses(data), [200])
        self.assertIn(b'"a": "5"', data)
        self.assertIn(b'"name": "x"', data)

    def test_a_fragment_is_nobodys(self):
        data = self.exchange(b"GET /echo/x?a=5#b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        self.assertIn(b'"a": "5"', data)

    def test_unknown(self):
        answer = self.ask("GET", "/nothing")
        self.assertEqual((answer.status, answer.detail()), (404, "Not Found"))
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        for path in ("//echo", "/Echo", "/echo//", "/..", "/%2e"):
            self.assertEqual(self.ask("GET", path).status, 404, path)

    def test_wrong_method(self):
        answer = self.ask("PATCH", "/echo", b"{}")
        self.assertEqual((answer.status, answer.detail()), (405, "Method Not Allowed"))
        self.assertEqual(answer.headers["Allow"], "GET, HEAD, DELETE, POST, PUT")
        self.assertEqual(self.ask("OPTIONS", "/echo").status, 405)
        self.assertEqual(self.ask("BREW", "/echo").status, 405)

    def test_fixed_words_win(self):
        self.assertEqual(self.ask("GET", "/echo/fixed?needed=").json(), {"flag": True, "number": 7})

    def test_repeated_keys(self):
        said = self.ask("GET", "/echo?a=1&b=x+y%2B&a=2&a=").json()
        self.assertEqual(said["query"], {"a": "", "b": "x y+"})
        self.assertEqual(self.ask("GET", "/echo?a=1&token=anything&a=2").json()["query"], {"a": "2"})

    def test_headers_in_any_case(self):
        said = self.ask("GET", "/echo", headers={"uSER-aGENT": "me"}).json()
        self.assertEqual(said["user_agent"], "me")
        self.assertEqual(said["peer"], "127.0.0.1")


class Values(HttpCase):
    def test_booleans(self):
        for word, value in [("true", True), ("1", True), ("ON", True), ("t", True), ("Y", True), ("yes", True)] + [
            ("False", False), ("0", False), ("off", False), ("F", False), ("n", False), ("no", False), ("", True),
        ]:  # fmt: skip
            self.assertEqual(self.ask("GET", f"/echo/fixed?needed=&flag={word}").json()["flag"], value, word)

    def test_refused_values(self):
        for query, kind, name in [
            ("needed=&flag=maybe", "bool_parsing", "flag"),
            ("needed=&number=x", "int_parsing", "number"),
            ("needed=&number=101", "out_of_range", "number"),
            ("needed=&number=99999999999999999999", "int_parsing", "number"),
            ("flag=1", "missing", "needed"),
        ]:
            answer = self.ask("GET", "/echo/fixed?" + query)
            self.assertEqual(answer.status, 422, query)
            (detail,) = answer.detail()
            self.assertEqual((detail["type"], detail["loc"]), (kind, ["query", name]))
            self.assertIn("msg", detail)
            self.assertIn("input", detail)

    def test_numbers(self):
        self.assertEqual(self.ask("GET", "/echo/fixed?needed=&number=-5").json()["number"], -5)
        self.assertEqual(self.ask("GET", "/echo/fixed?needed=&number=").json()["number"], 7)

    def test_headers_of_handlers_and_timings(self):
        answer = self.ask("GET", "/echo/fixed?needed=a%0d%0aX-Evil:%201")
        self.assertEqual(answer.headers["X-Needed"], "aX-Evil: 1")
        self.assertNotIn("X-Evil", answer.headers)
        self.assertRegex(answer.headers["Server-Timing"], r"^total;dur=\d+\.\d, work;dur=250\.0$")

    def test_objects(self):
        for path, kind in [("/json/body", "application/json"), ("/json/form", "application/x-www-form-urlencoded")]:
            for text, status, said in [
                ('{"a": [1, {"b": null}]}', 200, {"a": [1, {"b": None}]}),
                ("", 200, None),
                ("null", 200, None),
                ("{}", 200, {}),
                ("[]", 422, None),
                ("3", 422, None),
                ("{", 422, None),
                ('{"a": NaN}', 422, None),
                ('{"a":1} x', 422, None),
                ("{" + '"a":{' * 40 + "}" * 41, 413, None),
            ]:
                body = text if path.endswith("body") else "params=" + text.replace("{", "%7B").replace("}", "%7D")
                answer = self.ask("POST", path, body, {"Content-Type": kind})
                self.assertEqual(answer.status, status, (path, text))
                if status == 200:
                    self.assertEqual(answer.json(), said)
                else:
                    self.assertIn("detail", answer.json())

    def test_absent_bodies(self):
        self.assertEqual(self.exchange_status(b"POST /json/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), [200])
        self.assertEqual(
            self.exchange_status(b"POST /json/x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            [200],
        )
        self.assertEqual(self.ask("POST", "/echo").status, 200)

    def exchange_status(self, data):
        return statuses(self.exchange(data))

    def test_errors_have_their_statuses(self):
        for code, status in [
            (1, 422), (2, 503), (3, 500), (4, 422), (5, 413), (6, 422), (7, 500), (8, 404), (9, 503), (10, 409), (11, 500),
        ]:  # fmt: skip
            answer = self.ask("GET", f"/error/{code}")
            self.assertEqual((answer.status, answer.detail()), (status, 'say "what" \\ to do'))
            self.assertEqual("Retry-After" in answer.headers, status == 503)

    def test_a_silent_handler_is_a_500(self):
        answer = self.ask("GET", "/silent")
        self.assertEqual((answer.status, answer.detail()), (500, "Internal Server Error"))


class Connections(HttpCase):
    def test_keep_alive(self):
        connection = self.connect()
        for i in range(20):
            self.assertEqual(self.ask("GET", f"/echo?a={i}", connection=connection).json()["query"], {"a": str(i)})
            self.assertEqual(
                self.ask("POST", "/json/x", '{"i": %d}' % i, connection=connection).json(), {"i": i}
            )
        connection.close()

    def test_pipelining(self):
        one = b"GET /echo?a=%d HTTP/1.1\r\nHost: h\r\n\r\n"
        post = b"POST /json/x HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n{\"a\": 1}"
        last = b"GET /echo?a=last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        data = self.exchange(b"".join(one % i + post for i in range(10)) + last)
        self.assertEqual(statuses(data), [200] * 21)
        places = [data.index(b'"a": "%d"' % i) for i in range(10)] + [data.index(b'"last"')]
        self.assertEqual(places, sorted(places))

    def test_pipelining_behind_a_request_that_waits(self):
        data = self.exchange(
            b"GET /later?seconds=0.2 HTTP/1.1\r\nHost: h\r\n\r\n"
            b"GET /echo?a=behind HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        )
        self.assertEqual(statuses(data), [200, 200])
        self.assertLess(data.index(b'"waited"'), data.index(b'"behind"'))

    def test_http_1_0(self):
        data = self.exchange(b"GET /echo?a=1 HTTP/1.0\r\n\r\n")
        self.assertIn(b" 200 ", data.split(b"\r\n")[0])
        self.assertIn(b'"a": "1"', data)

    def test_byte_by_byte(self):
        client = self.raw()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"POST /json/x HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n{\"a\": 2}":
            client.sendall(bytes([byte]))
        self.assertEqual(read_answer(client)[2], b'{"a":2}')

    def test_many_at_once(self):
        """64 clients on connections of their own, each with its own answers."""
        wrong = []

        def client(number):
            try:
                connection = self.connect()
                for i in range(10):
                    said = self.ask("GET", f"/echo?a={number}-{i}", connection=connection).json()
                    if said["query"] != {"a": f"{number}-{i}"}:
                        wrong.append(said)
                connection.close()
            except Exception as error:  # noqa: BLE001
                wrong.append(error)

        threads = [threading.Thread(target=client, args=(n,)) for n in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_records_name_patterns(self):
        self.ask("GET", "/echo/Jane%20Doe?image=Jane")
        self.assertEqual(self.server.record("GET", "/echo/{name}")[2], "200")
        self.ask("POST", "/json/Jane", b"{}")
        words = self.server.record("POST", "/json/{name}")
        self.assertEqual(words[2:4], ["200", "2"])
        self.ask("GET", "/Jane")
        self.assertEqual(self.server.record("GET", "")[2], "404")


class Prefix(HttpCase):
    options = {"prefix": "/monai/v1"}

    def test_below_and_outside(self):
        self.assertEqual(self.ask("GET", "/monai/v1/echo/").status, 200)
        self.assertEqual(self.ask("GET", "/echo").status, 404)
        self.assertEqual(self.ask("GET", "/?needed=").status, 200)
        self.assertEqual(self.ask("GET", "/monai/v1/").status, 404)
        self.assertEqual(self.ask("GET", "/monai/v10/echo/").status, 404)

    def state(self):
        return self.ask("GET", "/monai/v1/state").json()


class Denied(HttpCase):
    options = {"deny": 1}

    def test_the_hook(self):
        answer = self.ask("GET", "/admin")
        self.assertEqual((answer.status, answer.detail()), (401, "Not authenticated"))
        self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")
        self.assertEqual(self.ask("GET", "/echo").status, 200)



if __name__ == "__main__":
    unittest.main()
