#!/usr/bin/env python3
"""Attacks a host of this repository, and measures health and a reset meanwhile.

    cargo build -p tuitbot -p stories -p factory-reset-cli
    benches/load/load.py target/debug/tuitbot            # every attack, one table
    benches/load/load.py target/debug/stories never-read signins
    benches/load/load.py target/debug/factory-reset

Each attack runs against a fresh demo on a port of its own. Attackers and probe share the address
127.0.0.1. `health` is the median and the longest of one request every 100 ms, each on a
connection of its own; `reset` is one reset of everything in the middle of the attack.
"""

import json
import multiprocessing
import os
import re
import resource
import select
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

SECONDS = float(os.environ.get("LOAD_SECONDS", "8"))


class Host:
    """A running host."""

    def __init__(self, binary):
        self.kind = os.path.basename(binary)
        self.owned = tempfile.TemporaryDirectory()
        directory = self.owned.name
        if self.kind == "factory-reset":
            self._manifest(binary, directory)
            command = [binary, "serve", "--bind", "127.0.0.1:0"]
        else:
            command = [binary, "serve", "--bind", "127.0.0.1:0", "--data-dir", f"{directory}/data", "--demo"]
        files = int(os.environ.get("LOAD_FILES", "1024"))
        environment = {**os.environ, "RUST_LOG": "error"}
        self.log = open(f"{directory}/log", "w")
        self.process = subprocess.Popen(
            command, cwd=directory, stdout=subprocess.PIPE, stderr=self.log, env=environment, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])),
        )
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/?(?:#token=(\w+))?", line)
        self.address = ("127.0.0.1", int(found[1]))
        self._set(directory, found[2])

    def _manifest(self, binary, directory):
        os.mkdir(f"{directory}/data")
        database = sqlite3.connect(f"{directory}/data/app.db")
        database.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)")
        database.executemany("INSERT INTO customers (name) VALUES (?)", [("somebody",)] * 3000)
        database.commit()
        database.close()
        os.chmod(f"{directory}/data", 0o700)
        run = [binary, "init", "--database", f"sqlite://{directory}/data/app.db", "--data-dir", "data", "--claim-all"]
        subprocess.run(run, cwd=directory, check=True, stdout=subprocess.DEVNULL)

    def _set(self, directory, token):
        form = "content-type: application/json\r\n"
        self.large = "/settings/reset/page.css"
        if self.kind == "tuitbot":
            self.health, self.api = "/api/health", "/api/reset"
            token = open(f"{directory}/data/api_token").read().strip()
            self.reset = ("/api/settings/factory-reset", '{"confirmation":"RESET TUITBOT"}')
            self.sign_in = ("/api/auth/login", '{"passphrase":"not the passphrase"}')
            self.write = "/api/targets"
        elif self.kind == "stories":
            self.health, self.api = "/api/health", "/api/reset"
            body = '{"username":"admin","password":"admin-demo"}'
            answer = self.call("POST", "/api/auth/token", body, form)
            token = json.loads(answer.split(b"\r\n\r\n", 1)[1])["token"]
            self.reset = ("/api/reset/complete", '{"confirm":true}')
            self.sign_in = ("/api/auth/token", '{"username":"admin","password":"not the password"}')
            self.write = "/api/auth/token"
        else:
            self.health, self.api = "/", "/api/reset"
            self.reset = ("/api/reset/run", '{"confirm":true}')
            self.sign_in = ("/api/reset/run", '{"confirm":true}')
            self.write = "/api/reset/run"
            self.large = "/page.css"
        self.authorised = f"authorization: Bearer {token}\r\n" + form

    def call(self, method, path, body="", headers="", timeout=60):
        with socket.create_connection(self.address, timeout=timeout) as connection:
            connection.sendall(message(method, path, body, headers + "connection: close\r\n"))
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        if not answer.startswith(b"HTTP/1.1 "):
            raise ConnectionError("no answer")
        return answer

    def usage(self):
        """Resident memory in MB, file descriptors, threads."""
        status = open(f"/proc/{self.process.pid}/status").read()
        memory = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024
        threads = int(re.search(r"Threads:\s+(\d+)", status)[1])
        return memory, len(os.listdir(f"/proc/{self.process.pid}/fd")), threads

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.owned.cleanup()


def message(method, path, body="", headers="", length=None):
    length = len(body) if length is None else length
    size = f"content-length: {length}\r\n" if length or body else ""
    return f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}{size}\r\n{body}".encode()


def hold(address, count, opening, until, drip=None, again=True, receive=None):
    """Keeps `count` connections open on which `opening` was sent, and reads nothing."""
    poll, open_ones, total = select.epoll(), {}, 0
    next_drip = time.monotonic() + 1
    while time.monotonic() < until:
        burst = 0
        while len(open_ones) < count and burst < 200 and (again or total < count):
            connection = socket.socket()
            if receive:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
            connection.settimeout(5)
            try:
                connection.connect(address)
                connection.setblocking(False)
                if opening:
                    try:
                        connection.send(opening)
                    except BlockingIOError:
                        pass
                open_ones[connection.fileno()] = connection
                poll.register(connection.fileno(), select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR)
                total += 1
            except OSError:
                connection.close()
                break
            burst += 1
        if drip and time.monotonic() > next_drip:
            next_drip += 1
            for connection in list(open_ones.values()):
                try:
                    connection.send(drip)
                except OSError:
                    pass
        for number, _ in poll.poll(0.05):
            poll.unregister(number)
            open_ones.pop(number).close()
    return total


def hurry(address, requests, until, width=300):
    """Sends `requests` and disconnects at once, up to `width` at a time."""
    sent = 0
    for request in requests:
        if time.monotonic() > until:
            break
        try:
            with socket.create_connection(address, timeout=5) as connection:
                connection.sendall(request)
            sent += 1
        except OSError:
            pass
    return sent


def crowd(address, request, count):
    """Sends `request` on `count` connections at once, and reads all answers."""
    def one():
        try:
            with socket.create_connection(address, timeout=60) as connection:
                connection.sendall(request)
                connection.settimeout(60)
                while connection.recv(65536):
                    pass
        except OSError:
            pass
    threads = [threading.Thread(target=one) for _ in range(count)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]


def attack(name, host, until):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    address, json_type = host.address, "content-type: application/json\r\n"
    if name == "never-read":
        hold(address, 3000, message("GET", host.large) * 40, until, receive=4096)
    elif name == "never-read-health":
        hold(address, 3000, message("GET", host.health) * 40, until, receive=4096)
    elif name == "never-send":
        hold(address, 3000, b"", until)
    elif name == "half-head":
        hold(address, 3000, b"GET /api/health HTTP/1.1\r\nhost: ", until)
    elif name == "half-body":
        hold(address, 1500, message("POST", host.write, '{"half', json_type, 100), until)
    elif name == "half-body-authorised":
        hold(address, 500, message("POST", host.write, '{"half', host.authorised, 100), until)
    elif name == "large-half-body":
        body = '{"half":"' + "x" * 1000000
        hold(address, 500, message("POST", host.write, body[:200000], host.authorised, len(body) + 100), until)
    elif name == "drip":
        hold(address, 1500, message("POST", host.write, '{"', json_type, 1000), until, drip=b" ")
    elif name == "signins":
        request = message("POST", *host.sign_in, json_type)
        hurry(address, (request for _ in range(15000)), until)
    elif name == "previews":
        crowd(address, message("POST", host.api + "/preview", "", host.authorised + "connection: close\r\n"), 670)
    elif name == "listeners":
        hold(address, 200, message("GET", host.api + "/events", "", host.authorised), until, receive=4096)
    elif name == "churn":
        hurry(address, (message("GET", host.health) for _ in iter(int, 1)), until)
    elif name == "none":
        time.sleep(max(0, until - time.monotonic()))


ATTACKS = [
    "none", "never-read", "never-read-health", "never-send", "half-head", "half-body",
    "half-body-authorised", "large-half-body", "drip", "signins", "previews", "listeners", "churn",
]


def timed(work):
    begun = time.monotonic()
    try:
        return time.monotonic() - begun if work() is None else None, None
    except OSError as error:
        return time.monotonic() - begun, error


def measure(binary, name):
    host = Host(binary)
    try:
        host.call("GET", host.health)
        host.call("GET", host.api + "/options", "", host.authorised)
        before = host.usage()
        until = time.monotonic() + SECONDS
        attacker = multiprocessing.Process(target=attack, args=(name, host, until))
        attacker.start()
        time.sleep(1)
        latencies, failures, most = [], 0, before
        reset = {}

        def make_reset():
            begun = time.monotonic()
            try:
                answer = host.call("POST", *host.reset, host.authorised)
                reset["status"] = answer.split(b" ", 2)[1].decode()
            except OSError as error:
                reset["status"] = type(error).__name__
            reset["seconds"] = time.monotonic() - begun

        resetting = threading.Thread(target=make_reset)
        while time.monotonic() < until:
            if not resetting.ident and time.monotonic() > until - SECONDS / 2:
                resetting.start()
            begun = time.monotonic()
            try:
                answer = host.call("GET", host.health, timeout=20)
                failures += not answer.startswith(b"HTTP/1.1 200")
            except OSError:
                failures += 1
            latencies.append(time.monotonic() - begun)
            most = tuple(max(pair) for pair in zip(most, host.usage()))
            time.sleep(0.1)
        if not resetting.ident:
            resetting.start()
        resetting.join()
        attacker.join(60)
        attacker.kill()
        # Deadlines pass, and idle threads end.
        time.sleep(float(os.environ.get("LOAD_REST", "12")))
        after = host.usage()
        latencies.sort()
        cells = [
            name,
            f"{latencies[len(latencies) // 2] * 1000:.0f} / {latencies[-1] * 1000:.0f} ms of {len(latencies)}"
            + (f", {failures} failed" if failures else ""),
            f"{reset['seconds']:.2f} s ({reset['status']})",
            " / ".join(str(usage[0]) for usage in (before, most, after)),
            " / ".join(str(usage[1]) for usage in (before, most, after)),
            " / ".join(str(usage[2]) for usage in (before, most, after)),
        ]
        print("| " + " | ".join(cells) + " |", flush=True)
    finally:
        host.end()


def main():
    binary = os.path.abspath(sys.argv[1])
    print(f"{os.path.basename(binary)}:\n")
    print("| attack | health p50 / max | reset | RSS before / most / after, MB | file descriptors | threads |")
    print("|---|---|---|---|---|---|", flush=True)
    for name in sys.argv[2:] or ATTACKS:
        measure(binary, name)


if __name__ == "__main__":
    main()
