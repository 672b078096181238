"""Rounds of a comparison, the same for each side: measured ones, and one in which the worker is killed."""

import json
import random
import time
from collections import Counter

ENOUGH = 10**9
LOOK = 0.05
# After so many seconds without a new record nothing more is expected.
STALL = 120
# After kills, doubles may come as long as this after the last order has its records: a worker that starts says nothing for
# half of it.
QUIET = 30
STARTS_MAX = 50


def stock(orders):
    """Four products of which there is always enough, and one that is sold out in the middle."""
    return {"P001": ENOUGH, "P002": orders // 5, "P003": ENOUGH, "P004": ENOUGH, "P005": ENOUGH}


class Orders:
    """The orders of all rounds. orderflow's own generator makes them; its first round keeps them for Faust."""

    def __init__(self, warm_up, count):
        # How many, and the seed of the generator.
        self.parts = {"warm-up": (warm_up, 1), "measured": (count, 2)}
        self.bodies = None
        self.count = warm_up + count

    def made(self, part):
        """The orders of a part, each its product and JSON."""
        count, _ = self.parts[part]
        return self.bodies[:count] if part == "warm-up" else self.bodies[-count:]

    def keep(self, side):
        """Keeps what the first side made."""
        if self.bodies is None:
            self.bodies = [(json.loads(body)["product_id"], body) for body in side.bodies()]


def wait(side, orders, times=None):
    """Waits until every order has its records, or nothing happens any more. Returns whether all are there.

    `times` gets when all were decided, and when all records were there.
    """
    last, since = None, time.monotonic()
    while True:
        progress, now = side.progress(), time.monotonic()
        if progress != last:
            last, since = progress, now
        if times is not None and orders <= progress["decided"]:
            times.setdefault("decided", now)
        if all(orders <= count for count in progress.values()) and side.is_added_up():
            if times is not None:
                times["all"] = time.monotonic()
            return True
        side.worker.check()
        if STALL < now - since:
            return False
        time.sleep(LOOK)


def usage(side):
    return {name: process.cpu_seconds() for name, process in side.processes().items()}


def measure(side, orders):
    """One round without faults: figures, and what is wrong with the records."""
    side.start(stock(orders.count))
    side.publish(orders, "warm-up")
    wait(side, orders.parts["warm-up"][0])
    before, times, started = usage(side), {}, time.monotonic()
    side.publish(orders, "measured")
    if not wait(side, orders.count, times):
        say(f"  {side.name}: records are missing after {STALL} s without a new one")
        times["all"] = time.monotonic()
    count = orders.parts["measured"][0]
    after = usage(side)
    row = {"decided/s": count / (times.get("decided", times["all"]) - started), "all/s": count / (times["all"] - started)}
    for name, process in side.processes().items():
        row[f"µs {name}"] = (after[name] - before[name]) / count * 1e6
        row[f"MB {name}"] = process.rss_mb()
    orders.keep(side)
    return row, faults(side, orders)


def kill(side, orders, kills, seed):
    """One round in which the worker is killed again and again, each time somewhere in its work."""
    side.start(stock(orders.count))
    chance, killed, ended, started = random.Random(seed), 0, 0, time.monotonic()
    side.publish(orders, "warm-up")
    side.publish(orders, "measured")
    steps, since, seen = lambda: sum(side.progress().values()), time.monotonic(), 0
    expected = len(side.progress()) * orders.count
    while killed < kills:
        goal = expected * (killed + chance.uniform(0.1, 0.9)) / kills
        while (now := steps()) < goal and time.monotonic() - since < STALL:
            if now != seen:
                seen, since = now, time.monotonic()
            ended += revive(side, ended)
            time.sleep(LOOK / 4)
        if now < goal:
            say(f"  {side.name}: no new record for {STALL} s after {killed} kills")
            break
        side.worker.kill()
        killed, since = killed + 1, time.monotonic()
        say(f"  {side.name}: kill {killed} after {time.monotonic() - started:.1f} s, with {now} of {expected} records")
        side.start_worker()
    last, since = None, time.monotonic()
    while time.monotonic() - since < STALL:
        progress = side.progress()
        if progress != last:
            last, since = progress, time.monotonic()
        ended += revive(side, ended)
        if all(orders.count <= count for count in progress.values()) and side.is_added_up():
            if QUIET < time.monotonic() - since:
                break
        time.sleep(LOOK)
    seconds = since - started
    return {"kills": killed, "ended by itself": ended, "seconds": seconds, **faults(side, orders)}


def revive(side, ended):
    """Starts a worker again that ended by itself, as Kubernetes does. Returns how many did."""
    if side.worker.running.poll() is None:
        return 0
    if STARTS_MAX <= ended:
        side.worker.check()
    side.start_worker()
    return 1


def faults(side, orders):
    """What is lost or doubled, by order id."""
    decisions, notified, counted, total, stock_left = side.outcome()
    confirmed = {order: found[0] for order, found in decisions.items() if found[0][0]}
    sold = Counter()
    for _, product, pieces in confirmed.values():
        sold[product] += pieces
    available = stock(orders.count)
    found = {
        "without a decision": orders.count - len(decisions),
        "decided twice": sum(1 < len(all_of) for all_of in decisions.values()),
        "decided both ways": sum(len({one[0] for one in all_of}) == 2 for all_of in decisions.values()),
        "without a notification": orders.count - len(notified),
        "notified twice": sum(1 < count for count in notified.values()),
        "analytics: without a record": "-" if counted is None else orders.count - len(counted),
        "analytics: recorded twice": "-" if counted is None else sum(1 < count for count in counted.values()),
        "analytics: orders in the total, less those confirmed": total - len(confirmed),
        "stock: pieces gone without a sale": sum(available.values()) - sum(stock_left.values()) - sum(sold.values()),
        "stock: pieces sold that were not there": sum(max(0, sold[name] - pieces) for name, pieces in available.items()),
    }
    return found


def say(text):
    print(text, flush=True)
