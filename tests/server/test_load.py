"""Load on the loopback interface: many connections at once, kept alive, and a folder of many images; no answer is an
error. Times are printed, never judged."""

import http.client
import shutil
import threading
import time
import unittest

from server_case import PATIENCE, ServerCase, few, write_image

IMAGES = few(1000, 60, 30)
CONNECTIONS = few(64, 16, 8)
SECONDS = few(10, 1, 1)


class Load(ServerCase):
    @classmethod
    def setUpClass(cls):
        print(f"{IMAGES} images, {CONNECTIONS} connections, {SECONDS} s each", flush=True)

    def many_images(self):
        first = write_image(self.folder / "image.nii.gz")
        for number in range(IMAGES):
            shutil.copyfile(first, self.studies / f"case_{number:04d}.nii.gz")
        return first.read_bytes()

    def load(self, server, path, check):
        """Asks for path(connection, turn) on all connections until the time is over."""
        times, failed = [], []
        end = time.monotonic() + SECONDS

        def work(number):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            turn = 0
            while time.monotonic() < end:
                start = time.monotonic()
                try:
                    connection.request("GET", path(number, turn))
                    answer = connection.getresponse()
                    body = answer.read()
                except (OSError, http.client.HTTPException) as error:
                    failed.append(repr(error))
                    return
                times.append(time.monotonic() - start)
                if answer.status != 200 or not check(body):
                    failed.append((answer.status, body[:100]))
                turn += 1
            connection.close()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed[:5], [])
        times.sort()
        middle, late = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
        print(
            f"{path(0, 0)}: {len(times) / SECONDS:.0f} a second, p50 {1000 * middle:.1f} ms, p99 {1000 * late:.1f} ms",
            flush=True,
        )

    def test_load(self):
        image = self.many_images()
        server = self.serve()
        count = f'"total": {IMAGES}'.encode()
        short = f'"total":{IMAGES}'.encode()
        before = server.descriptors()
        self.load(server, lambda _n, _t: "/info/", lambda body: count in body or short in body)
        self.load(server, lambda _n, _t: "/datastore/", lambda body: count in body or short in body)
        self.load(
            server,
            lambda n, t: f"/datastore/image?image=case_{(n * 31 + t) % IMAGES:04d}",
            lambda body: body == image,
        )
        self.load(server, lambda _n, _t: "/datastore/?output=all", lambda body: body.count(b'"image"') == IMAGES)
        self.eventually(lambda: server.descriptors() <= before + 4, "closing of connections")
        self.assertEqual(server.stop(), 0, server.text())

    def test_more_than_allowed(self):
        """Connections beyond the bound of an address are closed, the others served."""
        self.images(1)
        server = self.serve("--max-connections-per-address", "4")
        open_ones = []
        for _turn in range(4):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            connection.request("GET", "/info/")
            self.assertEqual(connection.getresponse().read()[:1], b"{")
            open_ones.append(connection)
        extra = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        with self.assertRaises((OSError, http.client.HTTPException)):
            extra.request("GET", "/info/")
            extra.getresponse()
        open_ones[0].request("GET", "/info/")
        self.assertEqual(open_ones[0].getresponse().status, 200)
        for connection in open_ones:
            connection.close()
        self.eventually(lambda: self.answers(server), "room for others")

    def answers(self, server):
        try:
            return server.call("GET", "/info/").status == 200
        except (OSError, http.client.HTTPException):
            return False


if __name__ == "__main__":
    unittest.main()
