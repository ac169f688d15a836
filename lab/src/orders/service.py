#!/usr/bin/env python3
"""An order service with a SQLite database.

    service.py DATABASE serve PORT LARGEST   serves on 127.0.0.1; the database refuses quantities over LARGEST
    service.py DATABASE print                prints the contents of the database as JSON

    POST   /orders              places the order in the body, under the id in the header idempotency-key
    PUT    /orders/ID           changes its quantity to the one in the body
    DELETE /orders/ID           deletes it
    POST   /orders/ID/payment   pays it

It sends a mail for each new order, except for a request with x-env: shadow. Mails and payments are rows, for a test to
count.
"""

import contextlib
import http.server
import json
import sqlite3
import sys
import threading

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, item TEXT NOT NULL, note TEXT NOT NULL, quantity INTEGER NOT NULL CHECK (quantity <= {largest})
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mails (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS payments (id TEXT NOT NULL);
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without both, the body of an answer waits for the acknowledgement of its head.
    wbufsize = -1
    disable_nagle_algorithm = True

    def handle_write(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            with self.server.lock, self.server.database as database:
                status = self.write(database, body)
        except sqlite3.IntegrityError:
            status = 500
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    do_POST = do_PUT = do_DELETE = handle_write

    def write(self, database, body):
        """Performs the request in a transaction and returns the status."""
        parts = self.path.strip("/").split("/")
        order = "/".join(parts[1:2])
        action = [self.command, *parts[:1], *parts[2:]]
        if action == ["POST", "orders", "payment"]:
            database.execute("INSERT INTO payments VALUES (?)", [order])
            return 201
        if action == ["POST", "orders"] and not order:
            return self.place(database, json.loads(body))
        if action == ["PUT", "orders"]:
            quantity = json.loads(body)["quantity"]
            changed = database.execute("UPDATE orders SET quantity = ? WHERE id = ?", [quantity, order])
            return 200 if changed.rowcount else 404
        if action == ["DELETE", "orders"]:
            deleted = database.execute("DELETE FROM orders WHERE id = ?", [order])
            return 204 if deleted.rowcount else 404
        return 404

    def place(self, database, order):
        key = self.headers["idempotency-key"]
        if database.execute("SELECT 1 FROM orders WHERE id = ?", [key]).fetchone():
            return 200
        values = [key, order["item"], order["note"], order["quantity"]]
        database.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", values)
        if self.headers["x-env"] != "shadow":
            database.execute("INSERT INTO mails VALUES (?)", [key])
        return 201

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    # The copies that arrive while the process is stopped.
    request_queue_size = 1024


def serve(database, port, largest):
    database.executescript(SCHEMA.format(largest=int(largest)))
    # The file need not survive a crash of the machine.
    database.execute("PRAGMA synchronous = OFF")
    server = Server(("127.0.0.1", int(port)), Handler)
    server.database, server.lock = database, threading.Lock()
    print("listening", flush=True)
    server.serve_forever()


def show(database):
    rows = {table: database.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
            for table in ("orders", "mails", "payments")}
    print(json.dumps(rows))


def main():
    path, verb, *arguments = sys.argv[1:]
    with contextlib.closing(sqlite3.connect(path, check_same_thread=False)) as database:
        {"serve": serve, "print": show}[verb](database, *arguments)


if __name__ == "__main__":
    main()
