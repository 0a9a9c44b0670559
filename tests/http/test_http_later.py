"""Answers that come later: suspended requests, clients that hang up, events, and stopping."""

import http.client
import socket
import struct
import tempfile
import threading
import time
import unittest

from http_case import PATIENCE, HttpCase, Server, multipart, read_all, statuses


def reset(client):
    """Ends a connection with a reset instead of a farewell."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class Later(HttpCase):
    options = {"threads": 2, "workers": 4}

    def test_answers_come(self):
        for path in ("/later", "/later?seconds=0.05", "/quick/later", "/quick/later?seconds=0.05"):
            connection = self.connect()
            for _ in range(10):
                self.assertEqual(self.ask("GET", path, connection=connection).json(), {"waited": True})
            connection.close()
        form, headers = multipart([("file", "x.nii", b"x" * 100_000)])
        self.assertEqual(self.ask("POST", "/later?seconds=0.05", form, headers).status, 200)

    def test_waiting_takes_no_thread(self):
        """Many wait; a quick route and one that may wait answer meanwhile."""
        clients = [self.raw() for _ in range(40)]
        for client in clients:
            client.sendall(b"GET /later?seconds=1000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        self.wait_for(lambda: self.state()["waiting"] == 40)
        self.assertEqual(self.ask("GET", "/echo").status, 200)
        self.assertEqual(self.state()["waiting"], 40)
        for client in clients:
            client.close()
        self.wait_for(lambda: self.state()["waiting"] == 0)

    def test_handlers_that_wait_hold_nobody(self):
        clients = [self.raw() for _ in range(4)]
        for client in clients:
            client.sendall(b"GET /hold HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        self.wait_for(lambda: self.state()["held"] == 4)
        for _ in range(5):
            self.assertEqual(self.ask("GET", "/echo/quick").status, 200)
        self.assertEqual(self.state()["held"], 4)
        self.assertEqual(self.ask("GET", "/free").status, 200)
        for client in clients:
            self.assertEqual(statuses(read_all(client)), [200])

    def test_hang_ups_are_told(self):
        for path in (b"/later?seconds=1000", b"/quick/later?seconds=1000"):
            for leave in (socket.socket.close, reset, lambda client: client.shutdown(socket.SHUT_WR)):
                gone = self.state()["gone"]
                client = self.raw()
                client.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: h\r\n\r\n")
                self.wait_for(lambda: self.state()["waiting"] == 1)
                leave(client)
                self.wait_for(lambda: self.state()["waiting"] == 0)
                self.assertEqual(self.state()["gone"], gone + 1)

    def test_a_hang_up_before_the_wait(self):
        for _ in range(20):
            client = self.raw()
            client.sendall(b"GET /later?seconds=1000 HTTP/1.1\r\nHost: h\r\n\r\n")
            client.close()
        self.wait_for(lambda: self.state()["waiting"] == 0 and self.state()["connections"] == 1)

    def test_hang_ups_while_answers_come(self):
        """Both at the same moment, many times: nothing is told twice, nothing is lost."""

        def client(number):
            for i in range(20):
                one = socket.create_connection(("127.0.0.1", self.server.port))
                one.sendall(b"GET /later?seconds=0.003 HTTP/1.1\r\nHost: h\r\n\r\n")
                time.sleep(0.0005 * ((number + i) % 12))
                (reset if i % 2 else socket.socket.close)(one)

        threads = [threading.Thread(target=client, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.wait_for(lambda: self.state()["waiting"] == 0)
        self.wait_for(lambda: self.state()["suspended"] == 0)

    def test_uploads_of_one_that_left_are_removed(self):
        form, headers = multipart([("file", "x.nii", b"x" * 1000)])
        client = self.raw()
        head = f"POST /later?seconds=1000 HTTP/1.1\r\nHost: h\r\nContent-Type: {headers['Content-Type']}\r\nContent-Length: {len(form)}\r\n\r\n"
        client.sendall(head.encode() + form)
        self.wait_for(lambda: self.state()["waiting"] == 1)
        client.close()
        # Whether its farewell or our answer comes first is chance.
        while self.server.record("POST", "/later")[2] not in ("0", "503"):
            pass
        spool = self.root / self.state()["spool"]
        self.wait_for(lambda: [path.name for path in spool.iterdir()] == ["lock"])


class Events(HttpCase):
    def test_form(self):
        answer = self.ask("GET", "/events?count=3&ms=20")
        self.assertEqual(answer.headers["Content-Type"], "text/event-stream; charset=utf-8")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(
            answer.body.decode(), "".join(f'event: slice\ndata: {{"i":{i}}}\ndata: line two \n\n' for i in range(3))
        )

    def test_they_come_as_they_are_made(self):
        connection = self.connect()
        connection.request("GET", "/events?count=-1&ms=150")
        response = connection.getresponse()
        # Not several at once; those that waited while this machine stood still do not count.
        gaps, last, end = [], time.monotonic(), time.monotonic() + PATIENCE
        while len(gaps) < 4 or min(gaps[-3:]) < 0.05:
            if response.fp.readline().startswith(b"event: slice"):
                gaps.append(time.monotonic() - last)
                last += gaps[-1]
                self.assertLess(last, end)
        connection.close()
        self.wait_for(lambda: self.state()["feeds"] == 0)

    def test_many_events(self):
        answer = self.ask("GET", "/events?count=5000&size=20")
        self.assertEqual(answer.body.count(b"event: slice"), 5000)
        self.assertIn(b'{"i":4999}', answer.body)

    def test_none(self):
        self.assertEqual(self.ask("GET", "/events?count=0").body, b"")

    def test_a_reader_that_leaves_a_silent_stream(self):
        gone = self.state()["gone"]
        for leave in (socket.socket.close, reset):
            client = self.raw()
            client.sendall(b"GET /events?count=-1&ms=700 HTTP/1.1\r\nHost: h\r\n\r\n")
            client.recv(100)
            leave(client)
        self.wait_for(lambda: self.state()["feeds"] == 0)
        self.assertEqual(self.state()["gone"], gone + 2)
        self.wait_for(lambda: self.state()["suspended"] == 0)

    def test_keep_alive_behind_a_stream(self):
        connection = self.connect()
        for _ in range(3):
            self.assertEqual(self.ask("GET", "/events?count=2", connection=connection).body.count(b"event"), 2)
        connection.close()


class Stopping(unittest.TestCase):
    def start(self, **options):
        folder = tempfile.TemporaryDirectory(prefix="http.")
        self.addCleanup(folder.cleanup)
        return Server(uploads=folder.name, **options)

    def send(self, server, path):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        self.addCleanup(client.close)
        client.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: h\r\n\r\n")
        return client

    def wait(self, server, what):
        client = self.send(server, b"/state")
        data = client.recv(65536)
        end = time.monotonic() + PATIENCE
        while what not in data:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
            client.sendall(b"GET /state HTTP/1.1\r\nHost: h\r\n\r\n")
            data = client.recv(65536)
        client.close()

    def test_what_runs_is_answered(self):
        server = self.start(drain=60)
        clients = [self.send(server, path) for path in (b"/later?seconds=0.5", b"/block?seconds=0.5", b"/events?count=3&ms=200")]
        self.wait(server, b'"waiting": 1')
        server.stop()
        for client in clients:
            data = read_all(client)
            self.assertEqual(statuses(data), [200])

    def test_what_does_not_end_is_told(self):
        server = self.start(drain=0.2)
        waits = [self.send(server, b"/later?seconds=10000") for _ in range(10)]
        feeds = [self.send(server, b"/events?count=-1&ms=700") for _ in range(3)]
        for client in feeds:
            client.recv(100)
        self.wait(server, b'"waiting": 10')
        begin = time.monotonic()
        server.process.stdin.close()
        for client in waits:
            self.assertEqual(statuses(read_all(client)), [503])
        for client in feeds:
            read_all(client)
        server.stop()
        self.assertLess(time.monotonic() - begin, 60)

    def test_idle_connections_do_not_hold_it(self):
        server = self.start(drain=60)
        clients = [self.send(server, b"/echo") for _ in range(5)]
        for client in clients:
            client.recv(65536)
        begin = time.monotonic()
        server.stop()
        self.assertLess(time.monotonic() - begin, 30)
        for client in clients:
            self.assertEqual(read_all(client), b"")

    def test_draining(self):
        """No new connections; those that are there are answered once more and closed."""
        server = self.start(drain=1)
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        client.request("GET", "/echo")
        self.assertEqual(client.getresponse().read()[:1], b"{")
        server.drain()
        end = time.monotonic() + PATIENCE
        while True:  # until it has read the letter that tells it
            client.request("GET", "/echo")
            response = client.getresponse()
            response.read()
            if response.headers["Connection"] == "close":
                break
            self.assertLess(time.monotonic(), end)
        server.stop()

    def test_a_port_that_is_taken(self):
        server = self.start()
        second = self.start(port=server.port)
        self.assertIsNone(second.port)
        self.assertEqual(second.process.wait(timeout=PATIENCE), 1)
        self.assertIn("is taken by another program", second.process.stderr.read())
        for stream in (second.process.stdin, second.process.stdout, second.process.stderr):
            stream.close()
        server.stop()

    def test_a_host_that_is_none(self):
        for host in ("no-such-host.invalid", "203.0.113.7"):
            server = self.start(host=host)
            self.assertIsNone(server.port)
            self.assertEqual(server.process.wait(timeout=PATIENCE), 1)
            self.assertRegex(server.process.stderr.read(), "^argument: ")
            for stream in (server.process.stdin, server.process.stdout, server.process.stderr):
                stream.close()

    def test_localhost_is_what_clients_take_it_for(self):
        server = self.start(host="localhost")
        self.assertTrue(server.url.startswith("http://localhost:"))
        client = self.send(server, b"/echo")
        self.assertEqual(statuses(client.recv(65536)), [200])
        server.stop()

    def test_ipv6(self):
        server = self.start(host="::1")
        if server.port is None:
            server.process.stderr.close()
            server.process.stdin.close()
            server.process.stdout.close()
            server.process.wait()
            self.skipTest("this machine has no IPv6")
        self.assertTrue(server.url.startswith("http://[::1]:"))
        client = socket.create_connection(("::1", server.port), timeout=PATIENCE)
        client.sendall(b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertIn(b'"peer": "::1"', client.recv(65536))
        client.close()
        server.stop()

    def test_loopback_alone_is_bound(self):
        server = self.start()
        self.assertTrue(server.url.startswith("http://127.0.0.1:"))
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split()[1] for line in table.readlines()[1:] if line.split()[3] == "0A"]
        self.assertIn(f"0100007F:{server.port:04X}", rows)
        server.stop()


if __name__ == "__main__":
    unittest.main()
