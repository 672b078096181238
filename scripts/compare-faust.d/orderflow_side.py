"""The pipeline of orderflow, on one nats-server: one process `orderflow up` with the functions that do the same."""

import asyncio
import json
import re
import subprocess
import threading
import urllib.request
from collections import Counter
from pathlib import Path

import nats
from nats.js.api import AckPolicy, ConsumerConfig

from processes import Failed, Process, free_port, until

# What the other pipeline has no counterpart of.
LEFT_OUT = ["file-transformer", "status-checker", "customers", "billing", "webhooks"]
# Both end at a stored notification; neither sends it. `up` sends mails into a folder, here one a minute.
SETTINGS = ["ORDERFLOW_MAIL_PER_MINUTE=1", "ORDERFLOW_SMS_URL=none"]
FETCHED = 1000


class OrderflowSide:
    """A nats-server and a worker of their own in `folder`."""

    name = "orderflow on NATS"

    def __init__(self, folder, program, nats_server, stack):
        self.folder, self.program, self.nats_server = Path(folder), program, nats_server
        (self.folder / "stack.yml").write_text(without(stack, LEFT_OUT))
        (self.folder / "partners.yml").write_text("partners: {}\n")
        self.data = self.folder / "data"
        self.broker = self.worker = self.client = None

    def start(self, available):
        """Starts both, and sets what is available of each product."""
        port = free_port()
        self.url = f"nats://127.0.0.1:{port}"
        self.broker = Process("nats-server", self.folder, [
            self.nats_server, "-js", "-sd", self.folder / "store", "-a", "127.0.0.1", "-p", port])
        until("nats-server answers", 30, lambda: "Server is ready" in self.broker.said(), self.broker)
        self.start_worker()
        until("orderflow is ready", 60, lambda: "\nready " in self.worker.said(), self.worker)
        self.client = Client(self.url)
        for product, pieces in available.items():
            self.command("stock", "set", product, str(pieces))

    def start_worker(self):
        """Starts the worker on what the one before left behind; it need not be ready yet."""
        settings = [word for setting in SETTINGS for word in ("--env", setting)]
        self.worker = Process("orderflow", self.folder, [
            self.program, "--data-dir", self.data, "up", "--port", "0", "--nats", self.url, "--stack", "stack.yml",
            "--partners", "partners.yml", *settings])

    def processes(self):
        return {"nats-server": self.broker, "worker": self.worker}

    def command(self, *words):
        done = subprocess.run([self.program, "--data-dir", self.data, *words], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"orderflow {' '.join(words)} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def publish(self, orders, part):
        """Publishes a part of the orders, and returns when all are stored. The same seed makes the same orders."""
        count, seed = orders.parts[part]
        self.command("simulate", "--yes", "--orders", str(count), "--rate", "1000000", "--persons", "100", "--seed", str(seed))

    def bodies(self):
        """The orders that were published, as JSON, in order."""
        return [message.data for message in self.client.read("INTAKE", "orders")]

    def progress(self):
        """Records that were made of orders, by stage. Until all are placed, `decided` is less than what is decided."""
        published = self.client.messages("INTAKE")
        return {"decided": max(0, self.client.messages("ORDERS") - published), "notified": self.client.messages("OUTBOX")}

    def is_added_up(self):
        """Whether the totals hold every decision."""
        totals = self.totals()
        published = self.client.messages("INTAKE")
        return published <= totals.get("total_orders", 0) + totals.get("error_count", 0)

    def totals(self):
        """The totals of analytics, or nothing while nobody answers."""
        try:
            gateway = json.loads((self.data / "run.json").read_text())["gateway"]
            token = (self.data / "secrets/api-token-read").read_text().strip()
            request = urllib.request.Request(f"{gateway}/function/analytics", headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return {}

    def outcome(self):
        """What is there of each order: its decisions and notifications. Analytics keeps sums, no record of an order."""
        decisions, notified = {}, Counter()
        for status in ("confirmed", "refused"):
            for message in self.client.read("ORDERS", f"orders.{status}.>"):
                order = json.loads(message.data)["data"]["order"]
                line = order["lines"][0]
                piece = (status == "confirmed", line["product_id"], line["quantity"])
                decisions.setdefault(order["order_id"], []).append(piece)
        for message in self.client.read("OUTBOX", "outbox.>"):
            notified[json.loads(message.data)["message"]["about"]] += 1
        totals = until("analytics says its totals", 60, self.totals, self.worker)
        products = json.loads(self.command("--json", "stock", "list"))["products"]
        stock = {product: row["available"] for product, row in products.items()}
        return decisions, notified, None, totals["total_orders"], stock

    def stop(self):
        if self.client:
            self.client.stop()
        for process in (self.worker, self.broker):
            if process:
                process.kill()


def without(stack, functions):
    """The text of a stack file without these functions."""
    lines, is_out = [], False
    for line in stack.splitlines():
        if not line.startswith("   ") and line.strip():
            head = re.fullmatch(r"  ([a-z-]+):", line)
            is_out = head is not None and head[1] in functions
        if not is_out:
            lines.append(line)
    return "\n".join(lines) + "\n"


class Client:
    """A connection to nats-server, in a thread of its own."""

    def __init__(self, url):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.connection = self.wait(nats.connect(url))
        self.jetstream = self.connection.jetstream()

    def wait(self, what):
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(60)

    def messages(self, stream):
        """How many messages the stream has."""
        return self.wait(self.jetstream.stream_info(stream)).state.messages

    def read(self, stream, subject):
        """All messages of these subjects."""
        return asyncio.run_coroutine_threadsafe(self.read_all(stream, subject), self.loop).result(600)

    async def read_all(self, stream, subject):
        config = ConsumerConfig(ack_policy=AckPolicy.NONE)
        consumer = await self.jetstream.pull_subscribe(subject, stream=stream, config=config)
        pending = (await consumer.consumer_info()).num_pending
        found = []
        while len(found) < pending:
            found += await consumer.fetch(min(FETCHED, pending - len(found)), timeout=30)
        await consumer.unsubscribe()
        return found

    def stop(self):
        self.wait(self.connection.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
