"""Many clients at once: each gets exactly its own mask, a click goes before a long propagation, /info/ answers meanwhile,
a client that leaves takes its job along, and nothing grows."""

import http.client
import json
import threading
import time
import unittest

import nrrd_js
import numpy
from server_case import PATIENCE, SANITIZE, ServerCase, few, multipart, request, write_image

CLIENTS = 8
LONG = (24, 20, 300)


def clicks(number):
    """Of another size and place for each client."""
    low, high = [2 + number % 5, 3 + number % 4, 1], [13 + number % 7, 12 + number % 6, 1]
    return [low, high, [low[0] + 1, low[1], 4], [high[0], high[1] + 1, 4]]


class Feed:
    """The events of a job, as they come."""

    def __init__(self, port, job):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.connection.request("GET", f"/v1/jobs/{job}/events")
        self.response = self.connection.getresponse()
        self.events = []  # (kind, data)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        kind = None
        for line in self.response:
            name, _colon, value = line.decode("utf-8").rstrip("\r\n").partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                self.events.append((kind, json.loads(value)))

    def count(self, kind):
        return sum(event[0] == kind for event in list(self.events))

    def end(self):
        self.thread.join(PATIENCE)
        self.connection.close()
        return self.events


class ManyClients(ServerCase):
    def mask(self, answer):
        self.assertEqual(answer.status, 200, answer.body[:300])
        return nrrd_js.parse(answer.body)[1]

    def ask(self, server, image, params, **more):
        params = {**params, "result_extension": ".nrrd", "result_dtype": "uint8", "result_compress": False, **more}
        return server.infer(image, params, "&output=image")

    def test_own_masks(self):
        names = self.images(CLIENTS)
        images = [self.studies / f"{name}.nii.gz" for name in names]
        wanted = [self.segment(image, {"intersection": clicks(n)}) for n, image in enumerate(images)]
        self.assertEqual(len({mask.tobytes() for mask in wanted}), CLIENTS)
        server = self.serve()
        bad = []

        def work(number):
            for _turn in range(few(20, 3, 1)):
                found = self.ask(server, names[number], {"intersection": clicks(number)}, client_id=f"c{number}")
                if found.status != 200 or not numpy.array_equal(nrrd_js.parse(found.body)[1], wanted[number]):
                    bad.append((number, found.status, found.body[:200]))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(bad, [])

    def start_long(self, server, name="long"):
        """A propagation over all of `long`, started and running: the job's id and its events."""
        params = {"intersection": [[5, 5, 0], [15, 14, 0], [5, 5, 299], [15, 14, 299]], "client_id": "patient"}
        answer = server.form("POST", f"/v1/jobs?image={name}&model=SAM", {"params": json.dumps(params)})
        self.assertEqual(answer.status, 200, answer.body)
        job = answer.json()["id"]
        feed = Feed(server.port, job)
        self.eventually(lambda: feed.count("slice") >= 2, "the first slices")
        return job, feed

    def test_click_goes_first(self):
        """A click waits for at most one slice of another's propagation, which then goes on to its end."""
        self.images(1)
        write_image(self.studies / "long.nii.gz", 3, LONG)
        server = self.serve()
        job, feed = self.start_long(server)
        turns = []
        for _turn in range(3):
            before = feed.count("slice")
            answer = self.ask(server, "case_00", {"intersection": clicks(0)}, client_id="hasty")
            after = feed.count("slice")
            self.assertEqual(answer.status, 200)
            turns.append(after - before)
            if server.get(f"/v1/jobs/{job}")["state"] != "running":
                break
        state = server.get(f"/v1/jobs/{job}")
        self.assertEqual(state["state"], "running", "too short to show anything")
        print(f"slices of the long job during a click: {turns}", flush=True)
        # One that was under way when it came. The image is read and the mask written beside the others' slices, which
        # takes longer under a sanitizer, and events come late here. Were it one after the other there were 600.
        self.assertLessEqual(min(turns), 40 if SANITIZE else 4, turns)
        events = feed.end()
        self.assertEqual(events[-1][0], "done")
        self.assertEqual(server.get(f"/v1/jobs/{job}")["state"], "done")

    def test_info_meanwhile(self):
        """All that is no inference answers while one runs."""
        self.images(1)
        write_image(self.studies / "long.nii.gz", 3, LONG)
        server = self.serve()
        job, _feed = self.start_long(server)
        times = []
        while server.get(f"/v1/jobs/{job}")["state"] == "running" and len(times) < 50:
            start = time.monotonic()
            server.get("/info/")
            times.append(time.monotonic() - start)
            self.assertEqual(server.call("GET", "/train/?check_if_running=true").status, 404)
            self.assertEqual(server.call("GET", "/").status, 200)
        self.assertTrue(times)
        print(f"/info/ during an inference: {1000 * max(times):.1f} ms at most of {len(times)}", flush=True)
        server.call("DELETE", f"/v1/jobs/{job}")

    def test_cancelled(self):
        self.images(1)
        write_image(self.studies / "long.nii.gz", 3, LONG)
        server = self.serve()
        job, feed = self.start_long(server)
        self.assertEqual(server.call("DELETE", f"/v1/jobs/{job}").status, 200)
        self.assertEqual(feed.end()[-1][0], "cancelled")
        self.assertEqual(server.get(f"/v1/jobs/{job}")["state"], "cancelled")
        self.assertLess(feed.count("slice"), 600)

    def test_client_leaves(self):
        """A hung-up client's inference ends."""
        self.images(1)
        write_image(self.studies / "long.nii.gz", 3, LONG)
        server = self.serve()
        params = {"intersection": [[5, 5, 0], [15, 14, 0], [5, 5, 299], [15, 14, 299]], "job": "left-alone"}
        body, headers = multipart({"params": json.dumps(params)})
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.request("POST", "/infer/SAM?image=long", body, headers)
        self.eventually(lambda: server.call("GET", "/v1/jobs/left-alone").status == 200, "the job")
        connection.close()
        unfinished = ("queued", "running")
        self.eventually(lambda: server.get("/v1/jobs/left-alone")["state"] not in unfinished, "the job's end")
        self.assertEqual(server.get("/v1/jobs/left-alone")["state"], "cancelled")

    def test_full_queue(self):
        """Beyond its length the queue says when to come again."""
        self.images(1)
        write_image(self.studies / "long.nii.gz", 3, LONG)
        server = self.serve("--queue-length", "2")
        answers = []
        params = {"intersection": [[5, 5, 0], [15, 14, 0], [5, 5, 299], [15, 14, 299]]}
        for number in range(14):
            asked = {"params": json.dumps({**params, "client_id": f"c{number}"})}
            answers.append(server.form("POST", "/v1/jobs?image=long&model=SAM", asked))
        full = [answer for answer in answers if answer.status == 503]
        self.assertTrue(full)
        for answer in full:
            self.assertGreater(int(answer.headers["Retry-After"]), 0)
            self.assertTrue(answer.json()["detail"])
        for answer in answers:
            self.assertIn(answer.status, (200, 503))
            if answer.status == 200:
                server.call("DELETE", f"/v1/jobs/{answer.json()['id']}")

    def test_nothing_grows(self):
        """A thousand clicks, labels and downloads: no descriptor is left open, no file lies about, memory has its bound."""
        names = self.images(4)
        server = self.serve("--cache-memory", "16M")

        def turn(number):
            name = names[number % 4]
            self.mask(self.ask(server, name, {"intersection": clicks(number)}, client_id=f"c{number % 3}"))
            if number % 10 == 0:
                label = server.infer(name, {"intersection": clicks(number)}, "&output=image").body
                path = f"/datastore/label?image={name}&tag=t{number % 3}"
                self.assertEqual(server.form("PUT", path, {}, [("label", "x.nii.gz", label)]).status, 200)
                self.assertEqual(server.call("GET", f"/datastore/image?image={name}").status, 200)
                session = server.form("PUT", "/session/", {}, [("files", "x.nii.gz", label)]).json()["session_id"]
                self.assertEqual(server.call("DELETE", f"/session/{session}").status, 200)

        warm, whole = few(200, 40, 10), few(1000, 80, 20)
        for number in range(warm):
            turn(number)
        before = server.descriptors(), server.resident()
        for number in range(whole):
            turn(number)
        self.eventually(lambda: server.descriptors() <= before[0] + 2, "closing of descriptors")
        resident = server.resident()
        print(f"{whole} clicks: resident {before[1] / 1e6:.1f} MB before, {resident / 1e6:.1f} MB after", flush=True)
        if not SANITIZE:
            self.assertLess(resident - before[1], 48e6)
        temporary = [path for path in (self.folder / "tmp").rglob("*") if path.is_file()]
        self.assertLessEqual(len(temporary), 300)
        self.assertEqual(server.stop(), 0, server.text())
        self.assertEqual([path for path in (self.folder / "tmp").rglob("*") if path.is_file()], [])
        self.assertIsNone(request_or_none(server.port))


def request_or_none(port):
    try:
        return request(port, "GET", "/info/")
    except OSError:
        return None


if __name__ == "__main__":
    unittest.main()
