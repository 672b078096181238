"""The pipeline in Faust, on one broker of Kafka."""

import json
import threading
import urllib.request
from collections import Counter
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from processes import Failed, Process, free_port, until

PARTITIONS = 4
HERE = Path(__file__).resolve().parent
STAGES = {"decided": "decided", "notifications": "notified", "analytics": "counted", "errors": "counted"}
RESULTS = list(STAGES)
# As kafka-server-start and kafka-run-class set them.
JAVA = ["java", "-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
        "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
BROKER = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/store
num.partitions={partitions}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


class FaustSide:
    """A broker and a worker of their own in `folder`."""

    name = "Faust on Kafka"

    def __init__(self, folder, tools, guarantee):
        self.name = f"{FaustSide.name}, {guarantee}"
        self.folder, self.tools, self.guarantee = Path(folder), Path(tools), guarantee
        self.broker = self.worker = self.reader = None
        self.failures = []

    def start(self, available):
        """Starts both, and sets what is available of each product."""
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        settings = self.folder / "server.properties"
        settings.write_text(BROKER.format(port=port, controller=free_port(), folder=self.folder, partitions=PARTITIONS))
        classes = ["-cp", f"{self.tools}/kafka/*"]
        formatting = Process("kafka-format", self.folder, [
            "java", *classes, "kafka.tools.StorageTool", "format", "-t", "b3JkZXJmbG93LWZhdXN0LQ", "-c", settings])
        if formatting.running.wait(60) != 0:
            formatting.check()
        self.broker = Process("kafka", self.folder, [*JAVA, *classes, "kafka.Kafka", settings])
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        until("Kafka answers", 60, lambda: topics_of(admin), self.broker)
        made = admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in ["orders", "stock", *RESULTS]])
        for one in made.values():
            one.result()
        self.producer = Producer({"bootstrap.servers": self.address, "acks": "all", "linger.ms": 5, "log_level": 0,
                                  "queue.buffering.max.messages": 1_000_000})
        self.reader = Reader(self.address)
        self.start_worker()
        for product, pieces in available.items():
            self.send("stock", product, json.dumps({"product_id": product, "available": pieces}))
        self.producer.flush(30)
        until("the worker has set the stock", 60, lambda: self.figures().get("stock") == available, self.worker)
        # Otherwise the stock would be set again after a kill, which has nothing to do with orders.
        group = Consumer({"bootstrap.servers": self.address, "group.id": "order-pipeline", "log_level": 0})
        partitions = [TopicPartition("stock", number) for number in range(PARTITIONS)]
        is_kept = lambda: sum(max(0, one.offset) for one in group.committed(partitions)) == len(available)
        until("the worker has committed that", 60, is_kept, self.worker)
        group.close()

    def start_worker(self):
        """Starts the worker on what the one before left behind; it need not be ready yet."""
        self.web_port = free_port()
        python, options = self.tools / "venv/bin/python", ["--loop", "uvloop", "worker", "--loglevel", "warn"]
        self.worker = Process("faust", self.folder, [python, HERE / "order_pipeline.py", *options], env={
            "FAUST_BROKER": f"kafka://{self.address}", "FAUST_PARTITIONS": str(PARTITIONS),
            "FAUST_GUARANTEE": self.guarantee, "FAUST_DATADIR": str(self.folder / "faust-data"),
            "FAUST_WEB_PORT": str(self.web_port)})

    def processes(self):
        return {"Kafka": self.broker, "worker": self.worker}

    def publish(self, orders, part):
        """Publishes a part of the orders, and returns when all are stored."""
        for product, body in orders.made(part):
            self.send("orders", product, body)
        if self.producer.flush(300) or self.failures:
            raise Failed(f"Kafka did not take every order: {self.failures[:3]}")

    def send(self, topic, key, value):
        while True:
            try:
                self.producer.produce(topic, key=key, value=value, on_delivery=self.delivered)
                break
            except BufferError:
                self.producer.poll(0.1)
        self.producer.poll(0)

    def delivered(self, error, _message):
        if error is not None:
            self.failures.append(error)

    def progress(self):
        """Orders that have a record, by stage."""
        return {stage: len(orders) for stage, orders in self.reader.orders.items()}

    def is_added_up(self):
        """Whether the tables hold every record of analytics."""
        return len(self.reader.values["analytics"]) <= self.figures().get("orders", -1)

    def figures(self):
        """What the tables hold, or nothing while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web_port}/figures/", timeout=5) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return {}

    def outcome(self):
        """What is there of each order: its decisions, notifications and records of analytics."""
        decisions, values = {}, self.reader.values
        for record in map(json.loads, values["decided"]):
            piece = (record["status"] == "confirmed", record["product_id"], record["quantity"])
            decisions.setdefault(record["order_id"], []).append(piece)
        notified, counted = (
            Counter(json.loads(value)["order_id"] for topic in topics for value in values[topic])
            for topics in (["notifications"], ["analytics", "errors"]))
        figures = until("the worker says its figures", 60, self.figures, self.worker)
        return decisions, notified, counted, figures["orders"], figures["stock"]

    def stop(self):
        if self.reader:
            self.reader.stop()
        for process in (self.worker, self.broker):
            if process:
                process.kill()


def topics_of(admin):
    try:
        return admin.list_topics(timeout=2).brokers
    except Exception:  # its own type, which has no public name in every version
        return None


class Reader:
    """Reads all results in a thread: only what is committed."""

    def __init__(self, address):
        self.values = {topic: [] for topic in RESULTS}
        # Ids of orders that have a record, by stage.
        self.orders = {"decided": set(), "notified": set(), "counted": set()}
        self.is_on = True
        self.consumer = Consumer({
            "bootstrap.servers": address, "group.id": "comparison", "isolation.level": "read_committed",
            "enable.auto.commit": False, "auto.offset.reset": "earliest", "log_level": 0})
        self.consumer.assign([TopicPartition(topic, number, 0) for topic in RESULTS for number in range(PARTITIONS)])
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while self.is_on:
            for message in self.consumer.consume(5000, 0.05):
                if message.error() is None:
                    self.values[message.topic()].append(message.value())
                    # The key, but in analytics, which are keyed by region.
                    order = json.loads(message.value())["order_id"] if message.topic() == "analytics" else message.key().decode()
                    self.orders[STAGES[message.topic()]].add(order)
        self.consumer.close()

    def stop(self):
        self.is_on = False
        self.thread.join(10)
