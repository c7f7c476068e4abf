"""wire - a TCP proxy that does to a connection what networks do, at the worst moment: while a COMMIT is under
way. It knows of PostgreSQL's protocol only that the worker's COMMIT is a prepared statement of that name."""

import select
import socket
import struct
import threading
import time

COMMIT = b"\x00commit\x00"  # Bind: unnamed portal, then the statement


def reset(connection):
    """RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Proxy:
    """One armed fault strikes once:

    lost       the COMMIT never reaches the server, both ends are reset
    swallowed  the server commits, its answer is never delivered, the client is reset
    reset      the client is reset the moment the COMMIT was forwarded
    late       the answer comes two seconds late
    trickle    the COMMIT and what belongs to it arrive byte by byte
    silent     the COMMIT is forwarded, the answer never comes, nobody closes"""

    def __init__(self, host, port):
        self.target = (host, port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.fault = None
        self.struck = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, fault):
        with self.lock:
            self.fault = fault

    def take(self, data):
        with self.lock:
            if self.fault is None or COMMIT not in data:
                return None
            fault, self.fault = self.fault, None
            self.struck += 1
            return fault

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
            except OSError:
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.carry, args=(client, server), daemon=True).start()

    def carry(self, client, server):
        """One thread for both ends: a descriptor that another thread reads from is not reset by close."""
        fault = None
        try:
            while True:
                readable, _, _ = select.select([client, server], [], [])
                if server in readable:
                    if not self.answer(client, server, fault):
                        break
                    fault = None if fault == "late" else fault
                if client in readable:
                    data = client.recv(65536)
                    fault = self.take(data) or fault
                    if not data or not self.forward(server, data, fault):
                        break
                if fault not in ("swallowed", "late", "silent"):
                    fault = None
        except OSError:
            pass
        for end in (client, server):
            reset(end)

    def forward(self, server, data, fault):
        """False: both ends are to be reset."""
        if fault == "lost":
            return False
        if fault == "trickle":
            data = self.trickle(server, data)
        server.sendall(data)
        return fault != "reset"

    def answer(self, client, server, fault):
        data = server.recv(65536)
        if not data or fault == "swallowed":
            return False
        if fault == "late":
            time.sleep(2)
        if fault != "silent":
            client.sendall(data)
        return True

    @staticmethod
    def trickle(server, data):
        """The last bytes one by one; returns what is still to be sent."""
        head, tail = data[:-200], data[-200:]
        server.sendall(head)
        for byte in tail[:-1]:
            server.sendall(bytes([byte]))
            time.sleep(0.001)
        return tail[-1:]
